/**
 * Keeps the locks of jobs that run here, from a thread of its own: a function that blocks the event loop for an hour is not taken for
 * dead, and its job does not run twice. The thread ends with the process, so a killed worker's locks expire; a frozen one's, too. A thread
 * that ends before is started again, as soon as the event loop is free.
 */
import { Worker } from 'node:worker_threads';
import { now } from '../common/clock.ts';
import { HeldJobs } from './held.ts';

/** A thread that ends is started again at once, then after pauses that double, up to this part of what a lock is kept for. */
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5_000;
const LONGEST_PART = 1 / 8;
/** One that has lived so long had no trouble with its start. */
const STEADY_MS = 10_000;

const THREADS = {
  redis: new URL('../pools/redis/renewer_thread.js', import.meta.url),
  nats: new URL('../pools/nats/renewer_thread.js', import.meta.url),
};

export class Renewer {
  /** Resolves when locks are kept: no job may begin before. */
  readonly ready: Promise<void>;
  /** What is held. */
  readonly jobs: HeldJobs;
  readonly #file: URL;
  readonly #settings: { readonly lockMs: number };
  readonly #failed: (error: Error) => void;
  /** All that was shown to the thread: another is shown it as well. */
  readonly #pages: SharedArrayBuffer[] = [];
  #isReady: () => void = () => undefined;
  #thread: Worker | undefined;
  #startedMs = 0;
  #pauseMs = 0;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  /**
   * @param engine whose thread it is (or the file of another, which says something when it is ready)
   * @param settings what the thread finds as its data
   * @param failed told why a thread has ended, or could not be started
   */
  constructor(engine: 'redis' | 'nats' | URL, settings: { readonly lockMs: number }, failed: (error: Error) => void) {
    this.#file = engine instanceof URL ? engine : THREADS[engine];
    this.#settings = settings;
    this.#failed = failed;
    this.ready = new Promise((resolve) => {
      this.#isReady = resolve;
    });
    this.#startOne();
    this.jobs = new HeldJobs((page) => {
      this.#pages.push(page);
      this.#thread?.postMessage(page);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#again);
    await this.#thread?.terminate();
  }

  #start(): Worker {
    this.#startedMs = now();
    const thread = new Worker(this.#file, { workerData: this.#settings });
    let why = 'it ended by itself';
    thread.on('error', (error) => {
      why = error instanceof Error ? error.message : String(error);
    });
    thread.once('message', this.#isReady);
    thread.once('exit', () => this.#ended(why));
    thread.unref();
    for (const page of this.#pages) thread.postMessage(page);
    return thread;
  }

  #ended(why: string): void {
    if (this.#closed) return;
    if (now() - this.#startedMs >= STEADY_MS) this.#pauseMs = 0;
    this.#again = setTimeout(() => this.#startOne(), this.#pauseMs).unref();
    const longest = Math.min(LONGEST_PAUSE_MS, this.#settings.lockMs * LONGEST_PART);
    this.#pauseMs = Math.min(longest, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#failed(new Error(`the thread that keeps locks is started again: ${why}`));
  }

  #startOne(): void {
    if (this.#closed) return;
    try {
      this.#thread = this.#start();
    } catch (error) {
      // The system may have no thread to spare just now.
      this.#ended((error as Error).message);
    }
  }
}
