/** The local worker of a combine: a process of its own, started again when it dies. */
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Logger } from '../common/logger.ts';
import type { Master } from '../specialized/master.ts';
import { type Exit, spawnWorker } from '../worker/spawn.ts';
import type { WorkerOptions } from '../worker/worker.ts';

/** What a process gets to stop in order. */
const STOP_MS = 5_000;
/** A process that dies is started again after the first of these; each time it dies soon, after twice as long. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
const STEADY_MS = 10_000;

export interface LocalOptions {
  readonly master: Master;
  readonly module: URL | string;
  readonly worker: Omit<WorkerOptions, 'name' | 'address'>;
  readonly logger: Logger;
  /** Told if the worker never comes up: then nobody would ever run a job. */
  readonly failed: (error: Error) => void;
}

export class LocalWorker {
  readonly #options: LocalOptions;
  readonly #stopping = new AbortController();
  readonly #ended: Promise<void>;

  constructor(options: LocalOptions) {
    this.#options = options;
    this.#ended = this.#keepRunning();
  }

  /** Resolves when its process has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #keepRunning(): Promise<void> {
    const { master, logger, failed } = this.#options;
    const { signal } = this.#stopping;
    let waitMs = FIRST_WAIT_MS;
    let joined = false;
    const stopListening = master.events.on('workerJoined', () => (joined = true));
    while (!signal.aborted) {
      const sinceMs = performance.now();
      const exit = await this.#run(signal);
      if (signal.aborted) break;
      if (!joined) {
        failed(new Error(`runCombine: the worker of workerModule ended before it was up: ${told(exit)}`));
        break;
      }
      logger.warn(`the local worker has ended (${told(exit)}) and is started again`);
      waitMs = performance.now() - sinceMs > STEADY_MS ? FIRST_WAIT_MS : Math.min(2 * waitMs, LONGEST_WAIT_MS);
      await wait(waitMs, undefined, { signal }).catch(() => undefined);
    }
    stopListening();
  }

  async #run(signal: AbortSignal): Promise<Exit> {
    const { master, module, worker } = this.#options;
    const url = module instanceof URL ? module.href : module.startsWith('file:') ? module : pathToFileURL(module).href;
    const args = ['local', master.address, url, JSON.stringify(worker)];
    const host = new URL('../combine/local_worker.js', import.meta.url);
    const { child, exited } = spawnWorker('runCombine: workerModule', host, args, { env: process.env });
    let timer: NodeJS.Timeout | undefined;
    const stop = (): void => {
      child.kill('SIGTERM');
      timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    };
    signal.addEventListener('abort', stop, { once: true });
    const exit = await exited;
    signal.removeEventListener('abort', stop);
    clearTimeout(timer);
    return exit;
  }
}

function told({ code, signal, error }: Exit): string {
  return error?.message ?? (signal === null ? `exit code ${code}` : signal);
}
