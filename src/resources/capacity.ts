/** `capacity`: a plain count of whatever the user has in mind. */
import { checkInteger } from '../common/check.ts';
import type { Kind } from './kind.ts';

export const capacity: Kind<number, number, number> = {
  request: (value, what) => checkInteger(what, value ?? null, 0, 1),
  offer: (value, what) => checkInteger(what, value ?? null, 0, 0),
  take: (pool, count) => (count > pool ? undefined : { pool: pool - count, share: count }),
  giveBack: (pool, share) => pool + share,
  show: (share) => share,
  left: (pool) => pool,
  words: (count) => `capacity ${count}`,
};
