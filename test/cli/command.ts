/** The command as a script would use it: real processes of the built package. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Processes, ROOT, type Running } from '../integration/processes.ts';

const MAIN = 'dist/cli/main.js';
const DEADLINE_MS = 25_000;

export const FIXTURES: string = join(ROOT, 'test/cli/fixtures');

export interface Outcome {
  readonly code: number;
  readonly bytes: Buffer;
  readonly out: string;
  readonly err: string;
}

/** Runs the command to its end. `input`: all of its stdin. */
export function gristmill(args: readonly string[], input: string | Uint8Array = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const options = { cwd: ROOT, encoding: 'buffer', timeout: DEADLINE_MS, maxBuffer: 2 ** 27 } as const;
    const child = execFile(process.execPath, [MAIN, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code !== 'number') reject(error ?? new Error('no exit code'));
      else resolve({ code, bytes: stdout, out: stdout.toString(), err: stderr.toString() });
    });
    // Who does not read its stdin ends before it is written.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** A master and workers that the command runs, and that end with the test. */
export class Mill extends Processes {
  address = '';

  command(...args: readonly string[]): Running {
    return this.node(MAIN, args);
  }

  async master(...args: readonly string[]): Promise<Running> {
    const master = this.command('master', ...args, '--address', 'tcp://127.0.0.1:*');
    await master.printed(/ listens at /);
    this.address = /listens at (\S+)/.exec(master.out)?.[1] ?? '';
    return master;
  }

  /** Workers of fixtures/worker.mjs, unless another file is named. */
  worker(args: readonly string[], file = `${FIXTURES}/worker.mjs`): Running {
    return this.command('worker', file, ...args, '--address', this.address);
  }

  ask(args: readonly string[], input?: string | Uint8Array): Promise<Outcome> {
    return gristmill([...args, '--address', this.address], input);
  }
}

/** A master, and so many workers. */
export async function startMill(workers = 1): Promise<Mill> {
  const mill = new Mill();
  try {
    await mill.master();
    if (workers > 0) await mill.worker(['worker', '--count', String(workers)]).printed(/ is ready$/, workers);
    return mill;
  } catch (error) {
    await mill[Symbol.asyncDispose]();
    throw error;
  }
}
