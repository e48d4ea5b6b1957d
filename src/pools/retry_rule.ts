/** Whether a job is tried again after its function failed, and when. Pure. */
import { backoffMs } from '../common/backoff.ts';
import type { JobErrorCode } from '../errors.ts';
import type { JobOptions } from '../streams/types.ts';

const ON: readonly JobErrorCode[] = ['function-threw'];

/** How often a job may be tried, the first time included. */
export function maxAttempts({ retries }: JobOptions): number {
  return 1 + (typeof retries === 'number' ? retries : (retries?.attempts ?? 0));
}

/**
 * The delay before the next attempt, in milliseconds; undefined: there is none.
 * @param failures how often it has failed, this time included
 * @param jitter from 0 to 1: half of the delay is random
 */
export function retryDelay({ retries }: JobOptions, code: JobErrorCode, failures: number, jitter: number): number | undefined {
  const rule = typeof retries === 'object' ? retries : { attempts: retries ?? 0 };
  if (failures > rule.attempts || !(rule.on ?? ON).includes(code)) return undefined;
  return Math.round(backoffMs(rule, failures, jitter));
}
