/**
 * Plain data: what a packed value can hold, and nothing that would come out as something else. (But -0 comes out as 0, and half of a surrogate
 * pair as U+FFFD.) Pure.
 */
import { shown } from '../common/check.ts';
import { MAX_DEPTH } from './fields.ts';
import { MAX_FIELDS_BYTES } from './limits.ts';

const KINDS = 'numbers, strings, booleans, null, bytes, arrays and objects of these';

/** Copies plain data, and says where it is none. What it looks at is as bounded as what it may find: each value takes a byte at least. */
class Copier {
  readonly #what: string;
  /** Where it is: names and indexes. */
  readonly #path: (string | number)[] = [];
  #left = MAX_FIELDS_BYTES;

  constructor(what: string) {
    this.#what = what;
  }

  copy(value: unknown): unknown {
    this.#left -= 1;
    if (this.#left < 0) throw new RangeError(`${this.#what}: expected at most ${MAX_FIELDS_BYTES} values, got more`);
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
    if (value instanceof Uint8Array) return value;
    const isArray = Array.isArray(value);
    if (!isArray && !isPlainObject(value)) throw new TypeError(`${this.#here()}: expected plain data (${KINDS}), got ${shown(value)}`);
    // The path begins with a field's name, which is no level of its value.
    if (this.#path.length > MAX_DEPTH)
      throw new RangeError(`${this.#here()}: expected plain data of at most ${MAX_DEPTH} levels, got more`);
    return isArray ? Array.from(value, (item, i) => this.#member(i, item)) : this.members(value);
  }

  members(value: object): Record<string, unknown> {
    const members: [string, unknown][] = [];
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue;
      // It would be read as another name.
      if (name === '__proto__') throw new TypeError(`${this.#here()}: expected plain data, got a member named __proto__`);
      members.push([name, this.#member(name, member)]);
    }
    return Object.fromEntries(members);
  }

  #member(name: string | number, value: unknown): unknown {
    this.#path.push(name);
    const copied = this.copy(value);
    this.#path.pop();
    return copied;
  }

  #here(): string {
    return this.#what + this.#path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
  }
}

/**
 * Fields as they will be read: the same, but members that are undefined are left out.
 * @throws TypeError that names the member that is no plain data; RangeError for one that is nested too deeply, or in a circle, or too many
 */
export function plainMembers(what: string, value: object): Record<string, unknown> {
  return new Copier(what).members(value);
}

/** Of this realm or another. */
export function isPlainObject(value: unknown): value is object {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'hasOwnProperty'));
}
