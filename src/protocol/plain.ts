/** Plain data: what a packed value can hold, and nothing that would come out as something else. Pure. */
import { shown } from '../common/check.ts';
import { MAX_DEPTH } from './fields.ts';

/**
 * A value as it will be read: the same, but members that are undefined are left out.
 * @throws TypeError that names the member that is no plain data; RangeError for one that is nested too deeply, or in a circle
 * @internal
 */
export function toPlain(what: string, value: unknown, depth = 0): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  if (value instanceof Uint8Array) return value;
  if (!Array.isArray(value) && !isPlainObject(value))
    throw new TypeError(
      `${what}: expected plain data (numbers, strings, booleans, null, bytes, arrays and objects of these), got ${shown(value)}`,
    );
  if (depth >= MAX_DEPTH) throw new RangeError(`${what}: expected plain data of at most ${MAX_DEPTH} levels, got more`);
  if (Array.isArray(value)) return Array.from(value, (item, i) => toPlain(`${what}[${i}]`, item, depth + 1));
  return plainMembers(what, value, depth + 1);
}

/** As `toPlain`, of an object. */
export function plainMembers(what: string, value: object, depth = 0): Record<string, unknown> {
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([name, member]) => [name, toPlain(`${what}.${name}`, member, depth)]));
}

/** Of this realm or another. */
export function isPlainObject(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'));
}
