/** `cores`: each has an identity, and is one part's alone while that runs. */
import { checkInteger, shown } from '../common/check.ts';
import type { Kind } from './kind.ts';

const MOST = 65_536;

/** How many; which are free, lowest first; which a part has. */
export const cores: Kind<number, readonly number[], readonly number[]> = {
  request: (value, what) => checkInteger(what, value ?? null, 0, 1, MOST),
  offer(value, what) {
    if (!Array.isArray(value)) return Array.from({ length: checkInteger(what, value ?? null, 0, 0, MOST) }, (_, core) => core);
    const list = value.map((core: unknown, i) => checkInteger(`${what}[${i}]`, core ?? null, 0, 0, MOST - 1));
    if (new Set(list).size !== list.length) throw new RangeError(`${what}: expected each core once, got ${shown(list.join(', '))}`);
    return list.toSorted((a, b) => a - b);
  },
  take: (pool, count) => (count > pool.length ? undefined : { share: pool.slice(0, count), pool: pool.slice(count) }),
  giveBack: (pool, share) => [...pool, ...share].toSorted((a, b) => a - b),
  show: (share) => share,
  left: (pool) => pool.length,
  words: (count) => (count === 1 ? '1 core' : `${count} cores`),
};
