/** Parts that came by PUSH and ended well: PUSH may bring them twice. The newest are remembered. Pure. */
import { KeyTable } from './key_table.ts';

const MOST = 8_192;

export class Remembered {
  readonly #ring: number[] = [];
  #places = new KeyTable();
  #next = 0;

  has(key: number): boolean {
    return this.#places.get(key) >= 0;
  }

  add(key: number): void {
    if (this.has(key)) return;
    const place = this.#next;
    this.#next = (place + 1) % MOST;
    const oldest = this.#ring[place];
    if (oldest !== undefined) this.#places.delete(oldest);
    this.#ring[place] = key;
    this.#places.set(key, place);
  }

  clear(): void {
    this.#ring.length = 0;
    this.#places = new KeyTable();
    this.#next = 0;
  }
}
