/** What the clients of the examples must have printed. Each check answers what is wrong, or undefined. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
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

/** A line of sha256sum for each regular file of the folder. */
export function checkSums(lines: readonly string[], folder: string): string | undefined {
  const expected = listFiles(folder).length;
  if (lines.length !== expected) return `expected a line for each of the ${expected} files in ${folder}, got ${lines.length}`;
  return lines.map(checkSum).find((wrong) => wrong !== undefined);
}

function checkSum(line: string): string | undefined {
  const [, escaped, sum, name] = /^(\\?)([0-9a-f]{64}) {2}(.+)$/s.exec(line) ?? [];
  if (name === undefined) return `expected '<sum>  <file>', got '${line}'`;
  const path = escaped === '' ? name : name.replaceAll(/\\([\\nr])/g, (_, letter: string) => ({ n: '\n', r: '\r' })[letter] ?? letter);
  const right = createHash('sha256').update(readFileSync(path)).digest('hex');
  return sum === right ? undefined : `${path}: expected ${right}, got ${sum}`;
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
