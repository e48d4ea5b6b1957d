/**
 * From a part's key to its local number: a Map, but without an object for each key. (Keys are beyond the small integers, so a Map boxes
 * and hashes each; this is a table with linear probing, in two columns.) A master's keys are its rows, many of them neighbours, and how
 * often each was used: both are mixed, so that keys do not stand in long runs.
 */

const EMPTY = -1;
const LOW = 2 ** 24;

export class KeyTable {
  #keys = new Float64Array(64).fill(EMPTY);
  #locals = new Int32Array(64);
  #size = 0;

  /** The local number of a key, or -1. */
  get(key: number): number {
    const at = this.#find(key);
    return this.#keys[at] === key ? (this.#locals[at] as number) : -1;
  }

  set(key: number, local: number): void {
    if (this.#size * 2 >= this.#keys.length) this.#grow();
    const at = this.#find(key);
    if (this.#keys[at] !== key) this.#size += 1;
    this.#keys[at] = key;
    this.#locals[at] = local;
  }

  /** Closes the gap: what was passed on to behind it moves up, so that a search may end at an empty place. */
  delete(key: number): void {
    const mask = this.#keys.length - 1;
    let gap = this.#find(key);
    if (this.#keys[gap] !== key) return;
    this.#size -= 1;
    for (let at = (gap + 1) & mask; this.#keys[at] !== EMPTY; at = (at + 1) & mask) {
      const other = this.#keys[at] as number;
      if (((at - this.#home(other)) & mask) < ((at - gap) & mask)) continue;
      this.#keys[gap] = other;
      this.#locals[gap] = this.#locals[at] as number;
      gap = at;
    }
    this.#keys[gap] = EMPTY;
  }

  /** Where a key is, or would be. */
  #find(key: number): number {
    const mask = this.#keys.length - 1;
    let at = this.#home(key);
    while (this.#keys[at] !== EMPTY && this.#keys[at] !== key) at = (at + 1) & mask;
    return at;
  }

  #home(key: number): number {
    const used = Math.floor(key / LOW);
    const hash = Math.imul((key - used * LOW) ^ Math.imul(used, 0x85ebca6b), 0x9e3779b1);
    return (hash ^ (hash >>> 16)) & (this.#keys.length - 1);
  }

  #grow(): void {
    const keys = this.#keys;
    const locals = this.#locals;
    this.#keys = new Float64Array(keys.length * 2).fill(EMPTY);
    this.#locals = new Int32Array(keys.length * 2);
    this.#size = 0;
    keys.forEach((key, i) => {
      if (key !== EMPTY) this.set(key, locals[i] as number);
    });
  }
}
