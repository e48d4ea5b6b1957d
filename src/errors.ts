/**
 * The few errors that a caller would catch. Each has a `code`, which is what programs should compare: messages are for people and may change.
 *
 * What the caller did wrong is not here: wrong arguments throw the built-in `TypeError` or `RangeError`.
 */

/** Why a job failed; see {@link JobError.code}. */
export type JobErrorCode =
  /** The function, or the master's `scatter` or `gather` for this job (see {@link JobError.phase}), threw. */
  | 'function-threw'
  /** Workers are there, but none of them serves the function. */
  | 'unknown-function'
  /** Every worker that began the job was lost, or (with `isolate`) the process that ran it, as often as the crash limit allows. */
  | 'worker-lost'
  /** It took longer than its time-out or its walltime. */
  | 'timed-out'
  /** What the job asks for makes no sense to the master; or no present worker could ever give it, and the job was not to wait. */
  | 'unsatisfiable'
  /** The function returned or yielded something that is no bytes, or too many of them. */
  | 'bad-result'
  /** `call()` got no result, or more than one. */
  | 'result-count'
  /** It was cancelled in its pool, by its id. */
  | 'cancelled'
  /** A repeated attempt gave other parts or results than the attempt before it, some of which had been delivered. */
  | 'not-replayable';

/** Why there is no connection: nobody answered in time, the peer speaks another version, or the peer refused. */
export type ConnectErrorCode = 'timeout' | 'version' | 'refused';

/** What was used after, or while, it was closed. */
export type ClosedErrorCode = 'closed';

/** What went wrong with a pipeline: see `PipelineError` of `gristmill/pipelines`. */
export type PipelineErrorCode =
  /** The operation of a node threw, or gave what it should not. */
  | 'node-failed'
  /** A call, or a node that is a worker function, needs workers, and the server has no pool. */
  | 'no-pool'
  /** The server has no such pipeline, or the pool no such job. */
  | 'unknown-pipeline'
  | 'unknown-job'
  /** The request was refused for what it says. */
  | 'bad-request'
  /** The server took longer than it may. */
  | 'timed-out'
  /** The server stops, has too much to do, or cannot reach its pool. */
  | 'unavailable'
  /** There is no server at this URL, or it does not answer as one of ours. */
  | 'unreachable';

/** Every code that a {@link GristmillError} can have. */
export type GristmillErrorCode = JobErrorCode | ConnectErrorCode | ClosedErrorCode | PipelineErrorCode;

/** The base of all errors of this package: `error instanceof GristmillError`, then `error.code`. */
export class GristmillError extends Error {
  /** What happened, for programs. */
  readonly code: GristmillErrorCode;

  /**
   * @param code what happened, for programs
   * @param message what happened, for people
   * @param options `cause`: the error that led to this one
   */
  constructor(code: GristmillErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** What a {@link JobError} tells about its job. */
export interface JobErrorDetails {
  /** The name of the function that the job asked for. */
  readonly function: string;
  /** The job's place in its stream, from 0. */
  readonly index: number;
  /** The `key` that the caller gave with the job; it never left the caller's process. */
  readonly key?: unknown;
  /** How many times the job (or its part that failed) was given to a worker, begun there or not; 0 if it never was. Default 0. */
  readonly attempts?: number | undefined;
  /** The name of the last worker that had it, if any had. */
  readonly worker?: string | undefined;
  /** The stack of what was thrown in another process. */
  readonly remoteStack?: string | undefined;
  /** Set if the master's `scatter` or `gather` failed, not the worker's function. */
  readonly phase?: 'scatter' | 'gather' | undefined;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/** One job failed. Other jobs of the stream are not concerned: ask for `settle: true` to go on with them. */
export class JobError extends GristmillError implements JobErrorDetails {
  declare readonly code: JobErrorCode;
  readonly function: string;
  readonly index: number;
  readonly key: unknown;
  readonly attempts: number;
  readonly worker: string | undefined;
  readonly remoteStack: string | undefined;
  readonly phase: 'scatter' | 'gather' | undefined;

  constructor(code: JobErrorCode, message: string, details: JobErrorDetails) {
    super(code, message, 'cause' in details ? { cause: details.cause } : undefined);
    this.function = details.function;
    this.index = details.index;
    this.key = details.key;
    this.attempts = details.attempts ?? 0;
    this.worker = details.worker;
    this.remoteStack = details.remoteStack;
    this.phase = details.phase;
  }
}

/** There is no connection to the master. */
export class ConnectError extends GristmillError {
  declare readonly code: ConnectErrorCode;
  /** The address that was tried. */
  readonly address: string | undefined;

  constructor(code: ConnectErrorCode, message: string, details: { readonly address?: string | undefined; readonly cause?: unknown } = {}) {
    super(code, message, 'cause' in details ? { cause: details.cause } : undefined);
    this.address = details.address;
  }
}

/** The client, worker or master was closed; what was still open there ends with this. */
export class ClosedError extends GristmillError {
  declare readonly code: ClosedErrorCode;

  constructor(code: ClosedErrorCode = 'closed', message = 'closed', options?: ErrorOptions) {
    super(code, message, options);
  }
}
