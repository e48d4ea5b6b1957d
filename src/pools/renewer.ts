/**
 * Keeps the locks of jobs that run here, from a thread of its own: a function that blocks the event loop for an hour is not taken for
 * dead, and its job does not run twice. The thread ends with the process, so a killed worker's locks expire; a frozen one's, too. One that
 * ends by an error of its own is started again.
 */
import { Worker } from 'node:worker_threads';
import { HeldJobs } from './held.ts';

/** Far below what any lock is kept for. */
const AGAIN_MS = 200;

const THREADS = {
  redis: new URL('../pools/redis/renewer_thread.js', import.meta.url),
  nats: new URL('../pools/nats/renewer_thread.js', import.meta.url),
};

export class Renewer {
  /** Resolves when locks are kept: no job may begin before. */
  readonly ready: Promise<void>;
  /** What is held. */
  readonly jobs: HeldJobs;
  readonly #start: () => Worker;
  /** All that was shown to the thread: another is shown it as well. */
  readonly #pages: SharedArrayBuffer[] = [];
  #thread: Worker;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param engine whose thread it is (or the file of another, which says something when it is ready)
   * @param settings what the thread finds as its data
   * @param failed told why a thread has ended
   */
  constructor(engine: 'redis' | 'nats' | URL, settings: object, failed: (error: Error) => void) {
    let isReady: () => void = () => undefined;
    this.ready = new Promise((resolve) => {
      isReady = resolve;
    });
    this.#start = () => {
      const thread = new Worker(engine instanceof URL ? engine : THREADS[engine], { workerData: settings });
      thread.on('error', failed);
      thread.once('message', isReady);
      thread.once('exit', () => this.#ended());
      thread.unref();
      for (const page of this.#pages) thread.postMessage(page);
      return thread;
    };
    this.#thread = this.#start();
    this.jobs = new HeldJobs((page) => {
      this.#pages.push(page);
      this.#thread.postMessage(page);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    await this.#thread.terminate();
  }

  #ended(): void {
    if (this.#closed) return;
    this.#again = setTimeout(() => {
      this.#thread = this.#start();
    }, AGAIN_MS).unref();
  }
}
