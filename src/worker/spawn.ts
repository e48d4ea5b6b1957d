/** Workers as child processes. */
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { builtin } from '../common/builtin.ts';
import { checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { dialAddresses } from '../transport/addresses.ts';

const OPTIONS = ['count', 'address', 'args', 'name', 'env', 'execArgv', 'logger'] as const;
const STOP_MS = 10_000;

/**
 * Runs before the worker's module, and ends the process when its parent is gone: the channel between the two closes then, however the
 * parent ended. The channel does not keep the process alive.
 */
const GUARD = `
process.once('disconnect', () => {
  process.kill(process.pid, 'SIGTERM');
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), 60000).unref();
});
process.channel?.unref();
`;

export interface SpawnOptions {
  /** Where the master is. */
  readonly address: string;
  /** How many processes. Default: as many as there are cores for us. */
  readonly count?: number | undefined;
  /** Names are this and a number from 1. Default: `worker`. */
  readonly name?: string | undefined;
  /** What the module finds on its command line behind name and address. */
  readonly args?: readonly string[] | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Flags for node. */
  readonly execArgv?: readonly string[] | undefined;
  /** Told of a worker that ends by itself; default stderr, `false`: nobody. */
  readonly logger?: Logger | false | undefined;
}

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** It could not be started. */
  readonly error?: Error;
}

export interface SpawnedWorker {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
}

export interface SpawnedWorkers extends AsyncDisposable {
  readonly workers: readonly SpawnedWorker[];
  /**
   * Asks each to stop (SIGTERM), and resolves when all have ended.
   * @param options `deadlineMs`: after so long they are killed; default 10 s
   */
  stop(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

/**
 * Runs a module in a process that ends when this one does.
 * @throws TypeError if that is no module
 */
export function spawnWorker(
  what: string,
  module: URL | string,
  args: readonly string[],
  options: { readonly env: NodeJS.ProcessEnv; readonly execArgv?: readonly string[] },
): { readonly child: ChildProcess; readonly exited: Promise<Exit> } {
  if (!(module instanceof URL) && typeof module !== 'string')
    throw new TypeError(`${what}: expected the URL or path of a module, got ${shown(module)}`);
  if (module instanceof URL && module.protocol !== 'file:')
    throw new TypeError(`${what}: expected the URL of a file, or a path, got ${module.href}`);
  const file = module instanceof URL || module.startsWith('file:') ? fileURLToPath(module) : module;
  const guard = `data:text/javascript,${encodeURIComponent(GUARD)}`;
  const command = [...(options.execArgv ?? []), '--import', guard, file, ...args];
  const child = builtin('child_process').spawn(process.execPath, command, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: options.env,
  });
  return { child, exited: ended(child) };
}

/**
 * Runs a worker's module in processes of their own: an ordinary program, which finds its name and the master's address as its first two
 * arguments. They end when this process does. None is started again.
 *
 * @param module the module, as `new URL('./worker.js', import.meta.url)`
 */
export function spawnWorkers(module: URL | string, options: SpawnOptions): SpawnedWorkers {
  checkOptions('spawnWorkers', options, OPTIONS);
  const { address, args = [], execArgv = [], env = process.env } = options;
  dialAddresses('spawnWorkers: address', address);
  const prefix = options.name === undefined ? 'worker' : checkString('spawnWorkers: name', options.name);
  const count = checkInteger('spawnWorkers: count', options.count, builtin('os').availableParallelism(), 1, 4_096);
  const logger = loggerFor(options.logger);
  let stopping = false;
  const start = (name: string): SpawnedWorker & { readonly child: ChildProcess } => {
    const { child, exited } = spawnWorker('spawnWorkers', module, [name, address, ...args], { env, execArgv });
    void exited.then(({ code, signal, error }) => {
      if (!stopping) logger.warn(`${name} has ended: ${error?.message ?? (signal === null ? `exit code ${code}` : signal)}`);
    });
    return { name, pid: child.pid, exited, child };
  };
  const workers = Array.from({ length: count }, (_, index) => start(`${prefix}${index + 1}`));
  const stop: SpawnedWorkers['stop'] = async (how = {}) => {
    checkOptions('stop', how, ['deadlineMs']);
    const deadlineMs = checkInteger('stop: deadlineMs', how.deadlineMs, STOP_MS, 0);
    stopping = true;
    for (const { child } of workers) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const { child } of workers) child.kill('SIGKILL');
    }, deadlineMs);
    await Promise.all(workers.map(({ exited }) => exited));
    clearTimeout(timer);
  };
  return {
    workers: workers.map(({ name, pid, exited }) => ({ name, pid, exited })),
    stop,
    [Symbol.asyncDispose]: () => stop(),
  };
}

function ended(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
  });
}
