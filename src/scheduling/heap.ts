/** A binary heap of small integers that can be moved when their rank changes. The one that comes `before` all others is on top. */
export class Heap {
  readonly #before: (a: number, b: number) => boolean;
  readonly #items: number[] = [];
  readonly #place = new Map<number, number>();

  constructor(before: (a: number, b: number) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get top(): number | undefined {
    return this.#items[0];
  }

  has(item: number): boolean {
    return this.#place.has(item);
  }

  /** Puts an item in, or in its new place after its rank changed. */
  update(item: number): void {
    let at = this.#place.get(item);
    if (at === undefined) {
      at = this.#items.length;
      this.#items.push(item);
      this.#place.set(item, at);
    }
    this.#down(this.#up(at));
  }

  remove(item: number): void {
    const at = this.#place.get(item);
    if (at === undefined) return;
    this.#place.delete(item);
    const last = this.#items.pop() as number;
    if (last === item) return;
    this.#items[at] = last;
    this.#place.set(last, at);
    this.#down(this.#up(at));
  }

  #up(from: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(this.#items[at] as number, this.#items[parent] as number)) break;
      this.#swap(at, parent);
      at = parent;
    }
    return at;
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#items.length && this.#before(this.#items[child] as number, this.#items[first] as number)) first = child;
      }
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #swap(a: number, b: number): void {
    const itemA = this.#items[a] as number;
    const itemB = this.#items[b] as number;
    this.#items[a] = itemB;
    this.#items[b] = itemA;
    this.#place.set(itemA, b);
    this.#place.set(itemB, a);
  }
}
