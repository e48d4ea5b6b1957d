/** `token`: words that must be there, letter by letter. Nothing is used up: any number of parts may ask for the same. */
import { checkString, shown } from '../common/check.ts';
import type { Kind } from './kind.ts';

function tokens(value: unknown, what: string): readonly string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > 256) throw new RangeError(`${what}: expected 1 to 256 tokens, got ${shown(value)}`);
  return [...new Set(list.map((one) => checkString(what, one)))].toSorted();
}

function words(list: readonly string[]): string {
  return `${list.length === 1 ? 'token' : 'tokens'} ${list.join(', ')}`;
}

export const token: Kind<readonly string[], readonly string[], readonly string[]> = {
  request: tokens,
  offer: tokens,
  take: (pool, wanted) => (wanted.every((one) => pool.includes(one)) ? { pool, share: wanted } : undefined),
  giveBack: (pool) => pool,
  show: (share) => (share.length === 1 ? share[0] : share),
  left: (pool) => pool.length,
  words,
  has: words,
};
