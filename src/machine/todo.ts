/**
 * What is to be looked after at the end of a tick, each thing once, in the order of adding. Mostly there are one or two: a Set would make
 * a new table whenever it is emptied.
 */

/** From so many on, what is here is looked up by a Set. */
const MANY = 16;

export class Todo<T extends object> {
  #items: T[] = [];
  #head = 0;
  #known: Set<T> | undefined;

  has(item: T): boolean {
    return this.#known === undefined ? this.#items.indexOf(item, this.#head) >= 0 : this.#known.has(item);
  }

  add(item: T): void {
    if (this.has(item)) return;
    this.#items.push(item);
    if (this.#known !== undefined) this.#known.add(item);
    else if (this.#items.length - this.#head >= MANY) this.#known = new Set(this.#items.slice(this.#head));
  }

  delete(item: T): void {
    const at = this.#items.indexOf(item, this.#head);
    if (at < 0) return;
    this.#items.splice(at, 1);
    this.#known?.delete(item);
  }

  /** Takes the oldest out; it may be added again. */
  take(): T | undefined {
    const { length } = this.#items;
    if (this.#head === length) return undefined;
    const item = this.#items[this.#head] as T;
    this.#head += 1;
    if (this.#head < length) this.#known?.delete(item);
    else if (length === 1) {
      this.#items.pop();
      this.#head = 0;
    } else {
      this.#items = [];
      this.#head = 0;
      this.#known = undefined;
    }
    return item;
  }
}
