/**
 * `walltime`: how long a part may run, and how long a worker will be there. A worker's counts down; several parts use it at the same
 * time. Seconds, or `[days-]hours:minutes:seconds`; on the wire, and in a share, with a soft limit: `[hard, soft]`.
 */
import { shown } from '../common/check.ts';
import type { Kind } from './kind.ts';

const MOST_S = 2_000_000;
const CLOCK = /^(?:(\d{1,4})-)?(\d{1,5}):([0-5]?\d):([0-5]?\d(?:\.\d{1,3})?)$/;

/**
 * Reads a walltime as seconds.
 * @throws TypeError or RangeError that names it and the value seen
 */
export function seconds(value: unknown, what: string): number {
  if (typeof value === 'string') {
    const [, days = '0', hours, minutes, rest] = CLOCK.exec(value) ?? [];
    if (hours === undefined) throw new RangeError(`${what}: expected seconds or '[days-]hours:minutes:seconds', got ${shown(value)}`);
    return inRange(Number(days) * 86_400 + Number(hours) * 3_600 + Number(minutes) * 60 + Number(rest), what);
  }
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${what}: expected seconds or '[days-]hours:minutes:seconds', got ${shown(value)}`);
  return inRange(value, what);
}

function inRange(value: number, what: string): number {
  if (value <= 0 || value > MOST_S) throw new RangeError(`${what}: expected more than 0 to ${MOST_S} seconds, got ${value}`);
  return value;
}

/** Limits of a part, in seconds. */
export interface Limits {
  readonly hard: number;
  readonly soft: number | undefined;
}

/** A pool is the time at which the worker ends. */
export const walltime: Kind<Limits, number, Limits> = {
  request(value, what) {
    const [first, second] = Array.isArray(value) ? (value as unknown[]) : [value];
    const hard = seconds(first, what);
    if (second === undefined) return { hard, soft: undefined };
    const soft = seconds(second, what.replace(/walltime$/, 'softWalltime'));
    if (soft > hard) throw new RangeError(`${what}: expected at least softWalltime, ${soft} seconds, got ${hard}`);
    return { hard, soft };
  },
  offer: (value, what, nowMs) => nowMs + seconds(value, what) * 1_000,
  unoffered: Infinity,
  take: (pool, limits, nowMs) => (nowMs + limits.hard * 1_000 > pool ? undefined : { pool, share: limits }),
  giveBack: (pool) => pool,
  show: ({ hard, soft }) => (soft === undefined ? hard : [hard, soft]),
  words: ({ hard }) => `${hard} s of walltime`,
  has: (pool, nowMs) => (pool === Infinity ? undefined : `${Math.max(0, Math.round((pool - nowMs) / 1_000))} s of walltime`),
};
