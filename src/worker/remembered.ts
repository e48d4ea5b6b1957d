/** Parts that came by PUSH and ended well: PUSH may bring them twice. The newest are remembered. Pure. */
const MOST = 8_192;

export class Remembered {
  readonly #keys = new Set<number>();

  has(key: number): boolean {
    return this.#keys.has(key);
  }

  add(key: number): void {
    this.#keys.add(key);
    if (this.#keys.size <= MOST) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      return;
    }
  }

  clear(): void {
    this.#keys.clear();
  }
}
