/** What will happen, by time; what is due at the same time happens in the order in which it was asked for. */

type Act = () => void;

export class Agenda {
  /** A binary heap: `times` and `orders` rank it, `acts` go along. */
  readonly #times: number[] = [];
  readonly #orders: number[] = [];
  readonly #acts: Act[] = [];
  #last = 0;
  #nowMs = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many things were asked for so far. */
  get count(): number {
    return this.#last;
  }

  at(atMs: number, act: Act): void {
    this.#last += 1;
    let hole = this.#times.length;
    const time = Math.max(atMs, this.#nowMs);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if ((this.#times[parent] as number) <= time) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#put(hole, time, this.#last, act);
  }

  /** Does the next thing. Returns whether there was one that is due by then. */
  step(untilMs: number): boolean {
    const time = this.#times[0];
    if (time === undefined || time > untilMs) return false;
    const act = this.#acts[0] as Act;
    this.#nowMs = time;
    this.#takeTop();
    act();
    return true;
  }

  #takeTop(): void {
    const time = this.#times.pop() as number;
    const order = this.#orders.pop() as number;
    const act = this.#acts.pop() as Act;
    const size = this.#times.length;
    if (size === 0) return;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(child + 1, child)) child += 1;
      const childTime = this.#times[child] as number;
      if (childTime > time || (childTime === time && (this.#orders[child] as number) > order)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#put(hole, time, order, act);
  }

  #before(a: number, b: number): boolean {
    const first = this.#times[a] as number;
    const second = this.#times[b] as number;
    return first === second ? (this.#orders[a] as number) < (this.#orders[b] as number) : first < second;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from] as number, this.#orders[from] as number, this.#acts[from] as Act);
  }

  #put(at: number, time: number, order: number, act: Act): void {
    this.#times[at] = time;
    this.#orders[at] = order;
    this.#acts[at] = act;
  }
}
