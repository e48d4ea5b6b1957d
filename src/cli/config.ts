/**
 * What the command reads from `gristmill.toml` in the working directory, if there is one. What is said on the command line goes before.
 *
 *     [worker]
 *     specialized_type = "cool_package/the_sworker"
 */
import { readFile } from 'node:fs/promises';
import { shown } from '../common/check.ts';
import { UsageError } from './verb.ts';

const FILE = 'gristmill.toml';
const WORKER_KEYS = ['specialized_type'];

/** The specialized types of workers that are meant: what `--specialized` says, else the file; often none. */
export async function specializedTypes(flags: readonly string[]): Promise<readonly string[]> {
  if (flags.length > 0) return flags;
  const type = (await readConfig())['specialized_type'];
  if (type === undefined) return [];
  if (typeof type !== 'string' || type === '')
    throw new UsageError(`${FILE}: [worker] specialized_type: expected the name of a module, got ${shown(type)}`);
  return [type];
}

async function readConfig(): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(FILE, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UsageError(`${FILE}: ${error.message}`);
  });
  if (text === undefined) return {};
  const { parse } = await import('smol-toml');
  const { worker = {} } = parsed(parse, text);
  if (worker === null || typeof worker !== 'object' || Array.isArray(worker))
    throw new UsageError(`${FILE}: worker: expected a table, got ${shown(worker)}`);
  const unknown = Object.keys(worker).find((key) => !WORKER_KEYS.includes(key));
  if (unknown !== undefined) throw new UsageError(`${FILE}: [worker] unknown key '${unknown}'; known are ${WORKER_KEYS.join(', ')}`);
  return worker as Record<string, unknown>;
}

function parsed(parse: (text: string) => Record<string, unknown>, text: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    throw new UsageError(`${FILE}: ${(error as Error).message}`, { cause: error });
  }
}
