/** What BullMQ, and its dashboards, see of a job. Pure. */
import type { Job } from 'bullmq';

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
