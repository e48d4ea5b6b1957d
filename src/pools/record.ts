/** Jobs and records as pools keep them: bytes, the same in every engine. Pure, but for what makes an id. */
import { Packr } from 'msgpackr/pack';
import { builtin } from '../common/builtin.ts';
import { checkInteger, checkOptions, checkString, shown, toBytes } from '../common/check.ts';
import { JobError, type JobErrorCode } from '../errors.ts';
import type { Origin } from '../protocol/origin.ts';
import { MAX_FIELDS_BYTES, MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import { JOB_ERROR_CODES } from '../protocol/remote_error.ts';
import { JOB_OPTIONS, readJobOptions } from '../streams/job_options.ts';
import type { JobOptions, Payload } from '../streams/types.ts';

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

/** What records stay for by default. */
export const RECORD_TTL_MS = 3_600_000;

const packr = new Packr({ useRecords: false });
const STATUSES: readonly unknown[] = ['queued', 'running', 'done', 'failed', 'deferred'] satisfies JobStatus[];
const CODES: readonly unknown[] = JOB_ERROR_CODES;
const ID = /^[\w-]{1,200}$/;
/** More than the field ORIGIN of a submitted job has. */
const ORIGIN_BYTES = 4_096;
const MAX_PRIORITY = 1_000_000;

/** What a result counts besides its bytes, where all of a job are kept together: an endless generator of empty ones has an end, too. */
export const RESULT_BYTES = 256;

/** A job as it was submitted. */
export interface Submission {
  readonly id: string;
  readonly function: string;
  readonly payload: Uint8Array;
  readonly options: JobOptions;
  readonly priority: number;
  /** How long its record stays after it has ended. */
  readonly ttlMs: number;
  /** Which stream it is of, if any; and whether a worker's function sent it. */
  readonly origin?: Origin | undefined;
  readonly nested?: boolean | undefined;
}

/** An error as it is kept. */
export interface KeptError {
  readonly code: JobErrorCode;
  readonly message: string;
  readonly function: string;
  readonly attempts: number;
  readonly worker: string;
  readonly stack: string;
}

/** A record as it is kept. */
export interface KeptRecord {
  readonly status: JobStatus;
  readonly attempts: number;
  readonly values?: readonly Uint8Array[] | undefined;
  readonly error?: KeptError | undefined;
}

/**
 * Reads what a user submits.
 * @throws TypeError or RangeError that names the argument, what was expected and the value seen
 */
export function readSubmission(fn: unknown, payload: Payload, options: SubmitOptions, ttlMs: number): Submission {
  const name = checkString('submit: function', fn);
  const bytes = toBytes('submit: payload', payload);
  if (bytes.length > MAX_MESSAGE_BYTES)
    throw new RangeError(`submit: payload: expected at most ${MAX_MESSAGE_BYTES} bytes, got ${bytes.length}`);
  checkOptions('submit', options, ['id', 'priority', ...JOB_OPTIONS]);
  const { id = builtin('crypto').randomUUID(), priority, ...job } = options;
  // Checks them; what an engine keeps is what the user said, and a worker is told where the job came from besides.
  readJobOptions('submit', job, MAX_FIELDS_BYTES - ORIGIN_BYTES);
  return {
    id: checkId('submit: id', id),
    function: name,
    // Copied: it is needed until the engine has it.
    payload: typeof payload === 'string' ? bytes : Buffer.from(bytes),
    options: job,
    priority: checkInteger('submit: priority', priority, 0, 1, MAX_PRIORITY),
    ttlMs,
  };
}

export function checkId(what: string, id: unknown): string {
  if (typeof id !== 'string') throw new TypeError(`${what}: expected a string, got ${shown(id)}`);
  if (!ID.test(id)) throw new RangeError(`${what}: expected at most 200 of A-Z a-z 0-9 _ -, got ${shown(id)}`);
  return id;
}

/** Whether it can be an id, of a job or of who is told of its end: engines make names of keys and subjects of it. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && ID.test(value);
}

export function packSubmission(job: Submission): Buffer {
  return packr.pack(job);
}

/** @throws RangeError for bytes that are none */
export function unpackSubmission(bytes: Uint8Array): Submission {
  const read = unpacked(bytes) as Partial<Record<keyof Submission, unknown>> | null;
  const whole =
    read !== null &&
    typeof read === 'object' &&
    isId(read.id) &&
    typeof read.function === 'string' &&
    read.function !== '' &&
    read.payload instanceof Uint8Array &&
    typeof read.options === 'object' &&
    read.options !== null &&
    typeof read.priority === 'number' &&
    typeof read.ttlMs === 'number';
  if (!whole) throw new RangeError(`expected a submitted job, got ${bytes.length} bytes that are none`);
  return read as unknown as Submission;
}

export function packRecord(record: KeptRecord): Buffer {
  return packr.pack(record);
}

/** @throws RangeError for bytes that are none */
export function unpackRecord(bytes: Uint8Array): KeptRecord {
  const read = unpacked(bytes) as KeptRecord | null;
  if (read === null || typeof read !== 'object' || !STATUSES.includes(read.status) || typeof read.attempts !== 'number')
    throw new RangeError(`expected a job's record, got ${bytes.length} bytes that are none`);
  return read;
}

/** As users see it. */
export function shownRecord(id: string, kept: KeptRecord): JobRecord {
  const { status, attempts, error } = kept;
  if (error !== undefined) return { id, status, attempts, error: jobErrorOf(error) };
  if (kept.values === undefined) return { id, status, attempts };
  const values = kept.values.map((value) => toBytes('value', value));
  return { id, status, attempts, value: values[0], values };
}

function jobErrorOf(error: KeptError): JobError {
  const code = CODES.includes(error.code) ? error.code : 'function-threw';
  return new JobError(code, error.message, {
    function: error.function,
    index: 0,
    attempts: error.attempts,
    worker: error.worker === '' ? undefined : error.worker,
    remoteStack: error.stack === '' ? undefined : error.stack,
  });
}

export function keptError(error: JobError): KeptError {
  const { code, message, function: name, attempts, worker = '', remoteStack: stack = '' } = error;
  return { code, message, function: name, attempts, worker, stack };
}

/** The record of a job that failed without a worker to tell of it. */
export function failedRecord(code: JobErrorCode, name: string, message: string, attempts: number): KeptRecord {
  return { status: 'failed', attempts, error: { code, message, function: name, attempts, worker: '', stack: '' } };
}

/** How it is kept, from how it is shown. */
export function keptRecord({ status, attempts, values, error }: JobRecord): KeptRecord {
  return { status, attempts, values, error: error === undefined ? undefined : keptError(error) };
}

function unpacked(bytes: Uint8Array): unknown {
  try {
    return packr.unpack(bytes);
  } catch {
    return null;
  }
}
