/** What users see of streams: the types that a client and a worker's functions share. */
import type { Backoff } from '../common/backoff.ts';
import type { JobError, JobErrorCode } from '../errors.ts';
import type { ResourceRequest } from '../resources/types.ts';
import type { ReservedName } from './reserved.ts';

/**
 * A payload: bytes, or text that travels as UTF-8. Up to 16 KiB are copied at once. More bytes are given away: they are sent later, so they
 * are not to be written to again, nor transferred, before their job has ended.
 */
export type Payload = Uint8Array | string;

/** What many payloads come from. A string or a typed array is no source: one payload is sent with `call()`. */
export type Source<T> = (Iterable<T> & object) | AsyncIterable<T>;

/** How a job is tried again after it failed. */
export interface Retries extends Backoff {
  /** How often at most, after the first time. */
  readonly attempts: number;
  /** After which errors; default: `['function-threw']`. */
  readonly on?: readonly JobErrorCode[] | undefined;
}

/** What can be said of each job. */
export interface JobOptions {
  /** Tries it again when its function threw: how often, or a whole rule. What it yielded before is delivered once. Default: not at all. */
  readonly retries?: number | Retries | undefined;
  /**
   * How long one attempt of a part may take, in milliseconds, once its function has begun; then its signal is aborted, and it fails with
   * `timed-out`. What it waits for its consumer is left out. A function that goes on all the same keeps its slot until it ends.
   */
  readonly timeoutMs?: number | undefined;
  /** What the job needs of its worker while it runs, where the master's policy is `grain()`: `{ cores: 3, memoryGb: 2.5 }`. */
  readonly resources?: ResourceRequest | undefined;
  /**
   * What becomes of a job that asks for more than any present worker could ever give: it waits for another worker (`wait`, the default),
   * and delays nobody; or it fails at once (`fail`), with `unsatisfiable`. While no worker is there it waits.
   */
  readonly unsatisfiable?: 'wait' | 'fail' | undefined;
  /**
   * Optional fields of the header, which a function finds in `job.fields`; names that nobody knows do no harm. Plain data (numbers, strings,
   * booleans, null, bytes, arrays and objects of these, up to 32 levels), at most 256 KiB: names, packed values, and 64 bytes for each. What an
   * item says wins over what its stream says, name by name.
   */
  readonly fields?: Readonly<Record<string, unknown>> | undefined;
}

/** A job with more than its payload. `S`: AbortSignal, where jobs have signals of their own. */
export interface JobItem<F extends string = string, S extends AbortSignal = never> extends JobOptions {
  readonly payload: Payload;
  /** The function it is for; default: the stream's. */
  readonly function?: F | undefined;
  /** Anything. It stays in this process, and comes back with the result (`settle`) or the error. */
  readonly key?: unknown;
  /**
   * Cancels this one job: it is not begun any more, or its function is told, and nothing of it comes any more. The stream goes on; with
   * `settle` it yields the signal's reason. Many jobs may share a signal.
   */
  readonly signal?: S | undefined;
}

/** An item of a stream without a function of its own: it names one, unless there is a default. */
export type Item<F extends string = string, S extends AbortSignal = never> = Payload | JobItem<F, S>;

/** Any item at all. */
export type AnyItem = Item<string, AbortSignal>;

/** What can be said of one call. */
export interface CallOptions extends JobOptions {
  /** Rejects the call with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What can be said of a stream. */
export interface StreamOptions extends CallOptions {
  /** Stop after so many results. */
  readonly messages?: number | undefined;
  /** Results in the order of job, part and result, instead of as they are ready. */
  readonly ordered?: boolean | undefined;
  /** Yield what became of each job, instead of throwing at the first that failed. */
  readonly settle?: boolean | undefined;
}

/** Which job a settled result is of. */
export interface JobInfo {
  /** The job's place in its stream, from 0. */
  readonly index: number;
  /** The `key` that was given with it. */
  readonly key: unknown;
  /** Which part of the job, where the master scatters; and which result of the part. */
  readonly part: number;
  readonly result: number;
  readonly function: string;
  /** How often the part was given to a worker, as far as the master knows. One that came back before it was begun counts, too. */
  readonly attempts: number;
}

/** What `settle: true` yields. `R`: unknown, where jobs have signals of their own, whose reason may be anything. */
export type Settled<R = JobError> =
  | { readonly status: 'fulfilled'; readonly value: Buffer; readonly job: JobInfo }
  | { readonly status: 'rejected'; readonly reason: R; readonly job: JobInfo };

/** What becomes of jobs that may have such signals. */
export type SettledBy<S extends AbortSignal> = Settled<[S] extends [never] ? JobError : unknown>;

/**
 * Results as they come. It starts at the first `next()`, can be iterated once, and ends by itself when the source has ended and every
 * result has come; leaving it (`break`, `return()`, `await using`) cancels what is still under way, and lets the source return: it is waited
 * for, with what its `finally` does and throws, unless it goes on waiting for its own next item for a second.
 */
export interface JobStream<T> extends AsyncIterableIterator<T, undefined, undefined>, AsyncDisposable {
  /** The stream's name, unique everywhere; logs and errors of master and workers mention it. */
  readonly id: string;
}

/** Something that can be awaited. */
interface Eventual<T> {
  then(fulfilled: (value: T) => unknown, rejected: (reason: unknown) => unknown): unknown;
}

/** Results one by one: a generator, or another iterator of its kind. An array or a set is none: was it meant as one result, or many? */
type Results = IterableIterator<Payload, unknown, undefined> | AsyncIterableIterator<Payload, unknown, undefined>;
type Answer = Payload | undefined | void | Results;

/** What a worker's function gives back: bytes or text, nothing (one empty result), or a generator of many results; now or later. */
export type WorkerAnswer = Answer | Eventual<Answer>;

/** A function that a worker serves. `J` is what it is told of the job. */
export type WorkerFunction<J = never> = (message: Buffer, job: J) => WorkerAnswer;

/** Members of a worker that can be served: not those of the base class, nor names that begin with `_`. */
type Candidate<W> = Exclude<keyof W & string, ReservedName | `_${string}`>;

/** The names of the functions that a worker class serves; any name for an untyped client. */
export type FunctionsOf<W> = [W] extends [never] ? string : { [K in Candidate<W>]: W[K] extends WorkerFunction ? K : never }[Candidate<W>];

export type { MasterStatus as Status } from '../protocol/status.ts';
