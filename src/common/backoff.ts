/** How long a job waits before it is tried again: longer each time. Pure. */

export interface Backoff {
  /** The first delay, in milliseconds; default 100. Half of each delay is random. */
  readonly minMs?: number | undefined;
  /** The longest delay, in milliseconds; default 30 s, or `minMs` if that is longer. */
  readonly maxMs?: number | undefined;
  /** By how much each delay is longer than the one before; default 2. */
  readonly factor?: number | undefined;
}

const MIN_MS = 100;
const MAX_MS = 30_000;
const FACTOR = 2;

/**
 * The delay before the next attempt, in milliseconds.
 * @param failures how often it has failed, from 1
 * @param jitter from 0 to 1: half of the delay is random
 */
export function backoffMs(
  { minMs = MIN_MS, maxMs = Math.max(minMs, MAX_MS), factor = FACTOR }: Backoff,
  failures: number,
  jitter: number,
): number {
  return Math.min(maxMs, minMs * Math.min(factor ** (failures - 1), Number.MAX_VALUE)) * (0.5 + jitter / 2);
}
