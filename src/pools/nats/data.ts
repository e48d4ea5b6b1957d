/** What is kept in NATS, as bytes. Pure. */
import { Packr } from 'msgpackr/pack';
import { isId, type JobStatus, type KeptRecord, type Submission, unpackSubmission } from '../record.ts';

const packr = new Packr({ useRecords: false });

/** A message of the work queue. */
export interface QueuedJob {
  /** The submission; without its payload, if that is too large. */
  readonly job: Uint8Array;
  readonly large: boolean;
  /** Who is told of its end. */
  readonly to: string;
  /** It is of a stream: who is told takes what came of it, and only if nobody does, a record is made. Nothing is kept of it while it is open. */
  readonly streamed: boolean;
}

/** What is known of an open job. */
export interface OpenJob {
  readonly function: string;
  /** How often it was begun, has failed, and was given back. What is left over are workers that it was lost with. */
  readonly begun: number;
  readonly failures: number;
  readonly returned: number;
  readonly status: JobStatus;
  readonly ttlMs: number;
}

/** That a job has ended; with its record, if that is small. */
export interface News {
  readonly id: string;
  readonly record?: KeptRecord | undefined;
}

interface Ended {
  readonly record: KeptRecord;
  readonly expiresAtMs: number;
}

export function packJob(job: QueuedJob): Buffer {
  return packr.pack(job);
}

/** @throws Error for bytes that are none */
export function unpackJob(bytes: Uint8Array): { readonly queued: QueuedJob; readonly job: Submission } {
  const queued = packr.unpack(bytes) as QueuedJob;
  if (!isId(queued.to) || typeof queued.large !== 'boolean' || typeof queued.streamed !== 'boolean')
    throw new RangeError(`expected a job, got ${bytes.length} bytes that are none`);
  return { queued, job: unpackSubmission(queued.job) };
}

export function packOpen(job: OpenJob): Buffer {
  return packr.pack(job);
}

export function unpackOpen(bytes: Uint8Array): OpenJob {
  return packr.unpack(bytes) as OpenJob;
}

export function packNews(news: News): Buffer {
  return packr.pack(news);
}

export function unpackNews(bytes: Uint8Array): News {
  return packr.unpack(bytes) as News;
}

export function packEnded(record: KeptRecord, expiresAtMs: number): Buffer {
  return packr.pack({ record, expiresAtMs } satisfies Ended);
}

/** Undefined if its time is over. */
export function endedRecord(bytes: Uint8Array, now: number): KeptRecord | undefined {
  const { record, expiresAtMs } = packr.unpack(bytes) as Ended;
  return now < expiresAtMs ? record : undefined;
}
