/** The command as a script would use it: real processes of the built package. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Processes, ROOT, type Running } from '../integration/processes.ts';

export const MAIN = 'dist/cli/main.js';
const DEADLINE_MS = 25_000;
const STOP_MS = 5_000;

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
  readonly #commands: Running[] = [];

  command(...args: readonly string[]): Running {
    const command = this.node(MAIN, args);
    this.#commands.push(command);
    return command;
  }

  /** In order, workers before their master: a worker whose master is suddenly gone hopes for another one for a while. */
  override async [Symbol.asyncDispose](): Promise<void> {
    for (const command of this.#commands.toReversed()) {
      command.kill('SIGTERM');
      const timer = setTimeout(() => command.kill('SIGKILL'), STOP_MS);
      await command.ended;
      clearTimeout(timer);
    }
    await super[Symbol.asyncDispose]();
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
