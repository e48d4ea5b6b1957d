/**
 * The contract of a worker pool: where jobs wait and run, whatever carries them. Subclass WorkerPool for an engine of your own.
 *
 * Laws for every pool, which test/contract/pool.ts tries:
 * - What `submit` has resolved for is not lost: not with a worker, nor with the process that submitted it. It may run more than once.
 * - A job's record stays for `recordTtlMs` after it has ended, then it is gone.
 * - Nothing waits for a worker to be there, but the job itself.
 */
import { setTimeout } from 'node:timers/promises';
import { checkOptions, checkSignal } from '../common/check.ts';
import { shared, unlessAborted } from '../common/signals.ts';
import type { FunctionsOf, Item, JobStream, Payload, Settled, SettledBy, Source, StreamOptions } from '../streams/types.ts';
import type { Exit } from '../worker/spawn.ts';
import type { Keeper } from './forwarder.ts';
import { type JobRecord, keptRecord, type SubmitOptions } from './record.ts';
import { Streams } from './streams.ts';

const MIN_DELAY_MS = 2;
const MAX_DELAY_MS = 250;

export interface SpawnWorkerOptions {
  /** What the worker is called. Default: `worker` and random letters. */
  readonly name?: string | undefined;
  /** What the module finds on its command line behind name and address. */
  readonly args?: readonly string[] | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A worker's process. */
export interface WorkerHandle extends AsyncDisposable {
  readonly name: string;
  readonly pid: number | undefined;
  /** Resolves when it has ended. */
  readonly exited: Promise<Exit>;
  /** Asks it to stop (SIGTERM), and resolves when it has ended. After `deadlineMs` (10 s) it is killed. */
  stop(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

export abstract class WorkerPool<W = never> implements AsyncDisposable {
  #streams: Streams | undefined;
  #closed = false;

  /** How many workers are up, wherever they run. */
  abstract workerCount(): Promise<number>;

  /**
   * Starts a process that runs a worker's module: an ordinary program, which finds its name and the pool's address as its first two
   * arguments. Resolves at once, not when the worker is ready.
   * @param module as `new URL('./worker.js', import.meta.url)`
   */
  abstract spawnWorker(module: URL | string, options?: SpawnWorkerOptions): Promise<WorkerHandle>;

  /** Resolves to the job's id when the engine has it; no worker need be up. */
  abstract submit(fn: FunctionsOf<W>, payload: Payload, options?: SubmitOptions): Promise<string>;

  /** What became of a job; undefined if there never was one, or its record has expired. */
  abstract fetch(id: string): Promise<JobRecord | undefined>;

  /** Cancels a job: it is not begun any more, or its function is told. Resolves to whether it was still open. */
  abstract cancel(id: string): Promise<boolean>;

  /**
   * Resolves to the record of a job when it has ended. Rejects with a RangeError if there is none, or with the signal's reason. The default
   * asks again and again.
   */
  async ended(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<JobRecord> {
    checkOptions('ended', options, ['signal']);
    const signal = shared(checkSignal('ended: signal', options.signal));
    for (let delayMs = MIN_DELAY_MS; ; delayMs = Math.min(MAX_DELAY_MS, delayMs * 2)) {
      signal?.throwIfAborted();
      const record = await unlessAborted(this.fetch(id), signal);
      if (record === undefined) throw new RangeError(`ended: there is no job '${id}', or its record has expired`);
      if (record.status === 'done' || record.status === 'failed') return record;
      // It rejects if the signal is aborted, with an error of its own.
      await setTimeout(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
  }

  /** Streams jobs, and their results back: as Client.job. The default submits them, and waits for each to end. */
  job<S extends AbortSignal = never>(
    fn: FunctionsOf<W>,
    payloads: Source<Item<FunctionsOf<W>, S>>,
    options: StreamOptions & { readonly settle: true },
  ): JobStream<SettledBy<S>>;
  job(
    fn: FunctionsOf<W>,
    payloads: Source<Item<FunctionsOf<W>, AbortSignal>>,
    options?: StreamOptions & { readonly settle?: false | undefined },
  ): JobStream<Buffer>;
  job(
    fn: FunctionsOf<W>,
    payloads: Source<Item<FunctionsOf<W>, AbortSignal>>,
    options: StreamOptions | undefined,
  ): JobStream<Buffer> | JobStream<Settled<unknown>>;
  job(...args: readonly unknown[]): JobStream<never> {
    return this.stream(args) as JobStream<never>;
  }

  /** What `job` gives. For pools of this package. */
  protected stream(args: readonly unknown[]): JobStream<unknown> {
    this.#streams ??= new Streams(this.keeper());
    // It says that it is closed, as a stream.
    if (this.#closed) void this.#streams.close();
    return this.#streams.job(args);
  }

  /** Where `job` keeps its jobs. For engines of this package. */
  protected keeper(): Keeper {
    return {
      carryOut: async ({ id, function: name, payload, options }, signal) => {
        await this.submit(name as FunctionsOf<W>, payload, { ...options, id });
        // It was given up while it was on its way: who did looked for it too early.
        if (signal.aborted) await this.cancel(id);
        return keptRecord(await this.ended(id, { signal }));
      },
      cancel: (id) => this.cancel(id),
    };
  }

  /**
   * Lets go of the engine. Streams end with a ClosedError, and their jobs are cancelled; those that were submitted stay, with their
   * records, and so do spawned workers. Begin your own with it: what you reject afterwards is no job's failure any more.
   */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#streams?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
