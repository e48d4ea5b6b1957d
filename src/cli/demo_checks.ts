/** What the clients of the examples must have printed. Each check answers what is wrong, or undefined. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

const WORKERS = ['worker1', 'worker2'] as const;

/** So many lines, each a worker's name and this text; both workers have a part in it. */
export function checkWorkers(lines: readonly string[], count: number, text: string): string | undefined {
  if (lines.length !== count) return `expected ${count} lines '…${text}', got ${lines.length}`;
  const wrong = lines.find((line) => !WORKERS.some((name) => line === `${name}${text}`));
  if (wrong !== undefined) return `expected 'worker1${text}' or 'worker2${text}', got '${wrong}'`;
  const idle = WORKERS.find((name) => !lines.some((line) => line.startsWith(name)));
  return idle === undefined ? undefined : `${idle} did nothing`;
}

/** The cached value, so many results, and what comes last, if that is something of its own. */
export function checkCached(lines: readonly string[], count: number, last?: string): string | undefined {
  const [cached, ...results] = lines;
  if (cached !== ' cached data ') return `expected ' cached data ' first, got '${cached}'`;
  const final = last === undefined ? undefined : results.pop();
  if (final !== last) return `expected '${last}' at the end, got '${final}'`;
  return checkWorkers(results, count, ' cached data a message');
}

/**
 * A line of sha256sum for each regular file of the folder, and no other.
 * @param sinceMs files that were changed after this time of day are not judged
 */
export function checkSums(lines: readonly string[], folder: string, sinceMs: number): string | undefined {
  const sums = new Map<string, string>();
  for (const line of lines) {
    const [, escaped, sum, name] = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line) ?? [];
    if (sum === undefined || name === undefined) return `expected '<sum>  <file>', got '${line}'`;
    sums.set(escaped === '' ? name : unescaped(name), sum);
  }
  if (sums.size < lines.length) return 'a file came twice';
  for (const path of listFiles(folder)) {
    if (statSync(path).ctimeMs >= sinceMs) continue;
    const right = createHash('sha256').update(readFileSync(path)).digest('hex');
    if (sums.get(path) !== right) return `${path}: expected ${right}, got ${sums.get(path)}`;
    sums.delete(path);
  }
  const [extra] = [...sums.keys()].filter((path) => !existsSync(path));
  return extra === undefined ? undefined : `${extra}: there is no such file`;
}

function unescaped(name: string): string {
  return name.replaceAll(/\\([\\nr])/g, (_, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter);
}

/** The regular files of a folder and the folders in it; symbolic links are not followed. */
function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? listFiles(path) : entry.isFile() ? [path] : [];
  });
}

/** What the files of a folder hold together, in bytes; 0 if there is no such folder. */
export function sizeOf(folder: string): number {
  try {
    return listFiles(folder).reduce((sum, path) => sum + statSync(path).size, 0);
  } catch {
    return 0;
  }
}
