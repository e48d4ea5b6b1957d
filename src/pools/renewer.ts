/**
 * Keeps the locks of jobs that run here, from a thread of its own: a function that blocks the event loop for an hour is not taken for
 * dead, and its job does not run twice. The thread ends with the process, so a killed worker's locks expire; a frozen one's, too.
 */
import { Worker } from 'node:worker_threads';
import { HeldJobs } from './held.ts';

const THREADS = {
  redis: new URL('../pools/redis/renewer_thread.js', import.meta.url),
  nats: new URL('../pools/nats/renewer_thread.js', import.meta.url),
};

export class Renewer {
  /** Resolves when locks are kept: no job may begin before. */
  readonly ready: Promise<void>;
  /** What is held. */
  readonly jobs: HeldJobs;
  readonly #thread: Worker;

  /**
   * @param engine whose thread it is
   * @param settings what the thread finds as its data
   */
  constructor(engine: 'redis' | 'nats', settings: object, failed: (error: Error) => void) {
    this.#thread = new Worker(THREADS[engine], { workerData: settings });
    this.#thread.on('error', failed);
    this.#thread.unref();
    this.jobs = new HeldJobs((page) => this.#thread.postMessage(page));
    this.ready = new Promise((resolve) => {
      this.#thread.once('message', () => resolve());
    });
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
