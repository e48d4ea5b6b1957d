/**
 * Parts that came by PUSH and ended well: PUSH may bring them twice. A part's key is a row of its master's table and how often that was used
 * (master/parts.ts): so of each row the newest is enough, since what had the row before it has ended everywhere. Pure.
 */

/** Rows so many apart share a place, and there the last one is remembered. */
const PLACES = 65_536;
const ROW = 2 ** 24 - 1;

export class Remembered {
  /** 0 is no key. Of this memory there is only what was written to. */
  readonly #newest = new Float64Array(PLACES);

  has(key: number): boolean {
    const newest = this.#newest[key & (PLACES - 1)] as number;
    return newest >= key && ((newest ^ key) & ROW) === 0;
  }

  add(key: number): void {
    this.#newest[key & (PLACES - 1)] = key;
  }

  forget(key: number): void {
    const place = key & (PLACES - 1);
    if (this.#newest[place] === key) this.#newest[place] = 0;
  }

  clear(): void {
    this.#newest.fill(0);
  }
}
