/** What BullMQ, and its dashboards, see of a job. Pure. */
import type { Job } from 'bullmq';
import { isId, type Submission, unpackSubmission } from '../record.ts';

/** A payload up to this size travels in the job's data. */
export const INLINE_BYTES = 8_192;

export interface JobData {
  /** The submission, in base64; without its payload, if that has a key of its own. */
  readonly job: string;
  readonly bytes: number;
  /** Who is told of its end. */
  readonly to: string;
}

export type RedisJob = Job<JobData, null>;

/**
 * What was submitted; without its payload, if that has a key of its own.
 * @throws RangeError for a job that is none of ours: BullMQ's tools can add any
 */
export function submissionOf({ data }: RedisJob): Submission {
  const { job, bytes, to } = data as Partial<Record<keyof JobData, unknown>>;
  if (typeof job !== 'string' || typeof bytes !== 'number' || !isId(to))
    throw new RangeError('expected a submitted job, got data that are none');
  return unpackSubmission(Buffer.from(job, 'base64'));
}
