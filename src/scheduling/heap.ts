/** What stands in a heap knows its place there; -1: it is in none. */
export interface Placed {
  place: number;
}

/** A binary heap of things that can be moved when their rank changes. The one that comes `before` all others is on top. */
export class Heap<T extends Placed> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #items: T[] = [];

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  get top(): T | undefined {
    return this.#items[0];
  }

  /** Puts an item in, or in its new place after its rank changed. */
  update(item: T): void {
    if (item.place < 0) item.place = this.#items.push(item) - 1;
    this.#down(this.#up(item.place));
  }

  remove(item: T): void {
    const at = item.place;
    if (at < 0) return;
    item.place = -1;
    const last = this.#items.pop() as T;
    if (last === item) return;
    this.#items[at] = last;
    last.place = at;
    this.#down(this.#up(at));
  }

  #up(from: number): number {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(this.#items[at] as T, this.#items[parent] as T)) break;
      this.#swap(at, parent);
      at = parent;
    }
    return at;
  }

  #down(from: number): void {
    let at = from;
    for (;;) {
      let first = at;
      for (let child = 2 * at + 1; child <= 2 * at + 2 && child < this.#items.length; child += 1) {
        if (this.#before(this.#items[child] as T, this.#items[first] as T)) first = child;
      }
      if (first === at) return;
      this.#swap(at, first);
      at = first;
    }
  }

  #swap(a: number, b: number): void {
    const itemA = this.#items[a] as T;
    const itemB = this.#items[b] as T;
    this.#items[a] = itemB;
    this.#items[b] = itemA;
    itemA.place = b;
    itemB.place = a;
  }
}
