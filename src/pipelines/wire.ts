/** What goes over HTTP: the shape of requests and answers, and the reasons to refuse. Pure. */
import { shown } from '../common/check.ts';
import type { JobErrorCode, PipelineErrorCode } from '../errors.ts';
import { PipelineError } from './errors.ts';

/** The longest `waitMs` of one request. A client that waits longer asks again. */
const MAX_WAIT_MS = 60_000;

/** Why a call or a job failed. */
export interface JobFailure {
  readonly code: JobErrorCode | PipelineErrorCode;
  /** Names the pipeline and the node. */
  readonly message: string;
  /** Where it was thrown, in whatever process. */
  readonly stack: string | undefined;
  /** How often it was begun. */
  readonly attempts: number;
}

/** What a call is answered with. `why` says why it ran where it ran. */
export type CallResult<O> =
  | { readonly status: 'done'; readonly value: O; readonly why: string; readonly jobId?: undefined; readonly error?: undefined }
  /** It went to a worker: `fetchJob` tells what becomes of it. */
  | { readonly status: 'queued'; readonly jobId: string; readonly why: string; readonly value?: undefined; readonly error?: undefined }
  | { readonly status: 'failed'; readonly error: JobFailure; readonly why: string; readonly jobId?: undefined; readonly value?: undefined };

/** What is known of a job. `deferred`: it failed, and waits for its next attempt. */
export type FetchedJob<O> = { readonly jobId: string; readonly attempts: number } & (
  | { readonly status: 'queued' | 'running' | 'deferred'; readonly value?: undefined; readonly error?: undefined }
  | { readonly status: 'done'; readonly value: O; readonly error?: undefined }
  | { readonly status: 'failed'; readonly error: JobFailure; readonly value?: undefined }
);

/** A server's pipeline. */
export interface PipelineInfo {
  readonly name: string;
  /** What it says of workers; null: nothing. */
  readonly useWorker: boolean | null;
}

export interface CallRequest {
  readonly input: unknown;
  readonly useWorker: boolean | undefined;
}

export interface FetchRequest {
  readonly jobId: string;
  readonly pipeline: string;
  readonly waitMs: number;
}

/** Reads the body of a call. Throws a PipelineError `bad-request`. */
export function readCall(body: unknown): CallRequest {
  const { input = null, useWorker } = fieldsOf(body, ['input', 'useWorker']);
  if (useWorker !== undefined && useWorker !== null && typeof useWorker !== 'boolean')
    throw refusal(`useWorker: expected true, false or null, got ${shown(useWorker)}`);
  return { input, useWorker: useWorker ?? undefined };
}

/** Reads the body of a question for a job. Throws a PipelineError `bad-request`. */
export function readFetch(body: unknown): FetchRequest {
  const { jobId, pipeline, waitMs = 0 } = fieldsOf(body, ['jobId', 'pipeline', 'waitMs']);
  if (typeof jobId !== 'string') throw refusal(`jobId: expected a string, got ${shown(jobId)}`);
  if (typeof pipeline !== 'string') throw refusal(`pipeline: expected the name of a pipeline, got ${shown(pipeline)}`);
  if (typeof waitMs !== 'number' || !(waitMs >= 0 && waitMs <= MAX_WAIT_MS))
    throw refusal(`waitMs: expected milliseconds from 0 to ${MAX_WAIT_MS}, got ${shown(waitMs)}`);
  return { jobId, pipeline, waitMs };
}

function fieldsOf(body: unknown, known: readonly string[]): Record<string, unknown> {
  if (body === null || typeof body !== 'object' || Array.isArray(body))
    throw refusal(`expected a JSON object with ${known.join(', ')}, got ${body === undefined ? 'no body' : shown(body)}`);
  for (const name of Object.keys(body)) {
    if (!known.includes(name)) throw refusal(`unknown field ${shown(name)}; known are ${known.join(', ')}`);
  }
  return body as Record<string, unknown>;
}

function refusal(message: string): PipelineError {
  return new PipelineError('bad-request', `bad request: ${message}`, { httpStatus: 400 });
}

/** The HTTP status of each code. */
const HTTP_STATUS = {
  'bad-request': 400,
  'unknown-pipeline': 404,
  'unknown-job': 404,
  'no-pool': 409,
  'node-failed': 500,
  unavailable: 503,
  'timed-out': 504,
  unreachable: 502,
} as const satisfies Record<PipelineErrorCode, number>;

export function httpStatusOf(error: PipelineError): number {
  return error.httpStatus ?? HTTP_STATUS[error.code];
}

/** The code of a refusal as it was read, or undefined for one that is none of ours. */
export function codeOf(value: unknown): PipelineErrorCode | undefined {
  return typeof value === 'string' && Object.hasOwn(HTTP_STATUS, value) ? (value as PipelineErrorCode) : undefined;
}

/** A job's id tells its pipeline, so that nobody fetches by it what is of another pipeline, or of none. */
export function jobIdFor(pipeline: string, unique: string): string {
  return `${pipeline}-${unique}`;
}

export function isJobOf(pipeline: string, jobId: string): boolean {
  return jobId.startsWith(`${pipeline}-`) && /^[\da-f]{32}$/.test(jobId.slice(pipeline.length + 1));
}

/** The worker function that runs a pipeline. */
export function functionFor(pipeline: string): string {
  return `pipeline:${pipeline}`;
}
