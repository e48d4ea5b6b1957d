/** A queue of integers with two ends, in a ring that grows. */
export class Deque {
  #ring: number[];
  #head = 0;
  #size = 0;

  constructor() {
    this.#ring = [0, 0, 0, 0, 0, 0, 0, 0];
  }

  get size(): number {
    return this.#size;
  }

  push(value: number): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#size) & (this.#ring.length - 1)] = value;
    this.#size += 1;
  }

  unshift(value: number): void {
    if (this.#size === this.#ring.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = value;
    this.#size += 1;
  }

  shift(): number | undefined {
    if (this.#size === 0) return undefined;
    const value = this.#ring[this.#head] as number;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#size -= 1;
    return value;
  }

  peek(): number | undefined {
    return this.#size === 0 ? undefined : this.#ring[this.#head];
  }

  #grow(): void {
    const ring: number[] = [];
    for (let i = 0; i < this.#size; i += 1) ring.push(this.#ring[(this.#head + i) & (this.#ring.length - 1)] as number);
    for (let i = 0; i < this.#size; i += 1) ring.push(0);
    this.#ring = ring;
    this.#head = 0;
  }
}
