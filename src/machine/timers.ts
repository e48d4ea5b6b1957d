/** Wake-ups that a state machine asked for, by name. Pure: the shell has the clock. */
export class Timers {
  readonly #at = new Map<string, number>();
  /** When the next is due; undefined: to be looked for. Every event asks, and few set a timer. */
  #next: number | undefined = Infinity;

  /** Wakes at `atMs`; a timer of the same name is replaced. */
  set(name: string, atMs: number): void {
    this.#at.set(name, atMs);
    this.#next = undefined;
  }

  /** Sets it unless it is set already. */
  ensure(name: string, atMs: number): void {
    if (!this.#at.has(name)) this.set(name, atMs);
  }

  has(name: string): boolean {
    return this.#at.has(name);
  }

  clear(name: string): void {
    if (this.#at.delete(name)) this.#next = undefined;
  }

  /** The names that are due at `now`, earliest first; they are cleared. */
  due(now: number): string[] {
    const names = [...this.#at]
      .filter(([, at]) => at <= now)
      .sort((a, b) => a[1] - b[1])
      .map(([name]) => name);
    for (const name of names) this.clear(name);
    return names;
  }

  /** When the next is due, or Infinity. */
  next(): number {
    if (this.#next !== undefined) return this.#next;
    let soonest = Infinity;
    for (const at of this.#at.values()) if (at < soonest) soonest = at;
    this.#next = soonest;
    return soonest;
  }
}
