/** `memoryGb`: GiB, with fractions. Counted in whole millionths, so that ten tenths are one, and nothing drifts. */
import { shown } from '../common/check.ts';
import type { Kind } from './kind.ts';

const PARTS = 1_000_000;
const MOST_GB = 8_388_608;
/** What a decimal fraction misses as a binary one. */
const SLACK = 0.01;

/** Millionths of a GiB, rounded down: so what fits as fractions fits as whole numbers. */
function millionths(value: unknown, what: string, least: number): number {
  if (typeof value !== 'number' || Number.isNaN(value)) throw new TypeError(`${what}: expected a number of GiB, got ${shown(value)}`);
  const parts = Math.floor(value * PARTS + SLACK);
  if (value > MOST_GB || parts < least)
    throw new RangeError(`${what}: expected ${least === 0 ? '0' : 'more than 0'} to ${MOST_GB} GiB, got ${value}`);
  return parts;
}

export const memoryGb: Kind<number, number, number> = {
  request: (value, what) => millionths(value, what, 1),
  offer: (value, what) => millionths(value, what, 0),
  take: (pool, amount) => (amount > pool ? undefined : { pool: pool - amount, share: amount }),
  giveBack: (pool, share) => pool + share,
  show: (share) => share / PARTS,
  left: (pool) => pool / PARTS,
  words: (amount) => `${amount / PARTS} GiB`,
};
