/**
 * The contract of a worker pool: where jobs wait and run, whatever carries them. Subclass WorkerPool for an engine of your own.
 *
 * Laws for every pool, which test/contract/pool.ts tries:
 * - What `submit` has resolved for is not lost: not with a worker, nor with the process that submitted it. It may run more than once.
 * - A job's record stays for `recordTtlMs` after it has ended, then it is gone.
 * - Nothing waits for a worker to be there, but the job itself.
 */
import type { JobError } from '../errors.ts';
import type { AnyItem, Item, JobOptions, JobStream, Payload, SettledBy, Source, StreamOptions } from '../streams/types.ts';
import type { Exit } from '../worker/spawn.ts';

/** `deferred`: it waits for its next attempt. */
export type JobStatus = 'queued' | 'running' | 'done' | 'failed' | 'deferred';

/** What a pool knows of a job. */
export interface JobRecord {
  readonly id: string;
  readonly status: JobStatus;
  /** What the function gave, once it is done: its only result, or the first of many; undefined if it yielded none. */
  readonly value?: Buffer | undefined;
  /** All results, in their order, once it is done. */
  readonly values?: readonly Buffer[] | undefined;
  /** Why it failed, with the remote stack; code `cancelled` if it was cancelled. */
  readonly error?: JobError | undefined;
  /** How often it was begun. */
  readonly attempts: number;
}

/** What can be said of a submitted job. */
export interface SubmitOptions extends JobOptions {
  /** Its id, unique in the pool: to submit it again is to submit it once. At most 200 of `A-Z a-z 0-9 _ -`. Default: one is made. */
  readonly id?: string | undefined;
  /** From 1, the highest, to 1,000,000; a job without one goes before those that have one. Only engines with priorities take it. */
  readonly priority?: number | undefined;
}

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

export abstract class WorkerPool implements AsyncDisposable {
  /** How many workers are up, wherever they run. */
  abstract workerCount(): Promise<number>;

  /**
   * Starts a process that runs a worker's module: an ordinary program, which finds its name and the pool's address as its first two
   * arguments. Resolves at once, not when the worker is ready.
   * @param module as `new URL('./worker.js', import.meta.url)`
   */
  abstract spawnWorker(module: URL | string, options?: SpawnWorkerOptions): Promise<WorkerHandle>;

  /** Resolves to the job's id when the engine has it; no worker need be up. */
  abstract submit(fn: string, payload: Payload, options?: SubmitOptions): Promise<string>;

  /** What became of a job; undefined if there never was one, or its record has expired. */
  abstract fetch(id: string): Promise<JobRecord | undefined>;

  /** Cancels a job: it is not begun any more, or its function is told. Resolves to whether it was still open. */
  abstract cancel(id: string): Promise<boolean>;

  /** Streams jobs, and their results back: as Client.job. */
  abstract job<S extends AbortSignal = never>(
    fn: string,
    payloads: Source<Item<string, S>>,
    options: StreamOptions & { readonly settle: true },
  ): JobStream<SettledBy<S>>;
  abstract job(fn: string, payloads: Source<AnyItem>, options?: StreamOptions & { readonly settle?: false | undefined }): JobStream<Buffer>;

  /** Lets go of the engine. Jobs and records stay, and so do spawned workers. */
  abstract close(): Promise<void>;

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
