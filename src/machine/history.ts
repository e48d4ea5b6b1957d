/**
 * What a state machine was told and what it answered: the last `limit` events, or all. From it a job's story can be told, and a
 * complete one replays to identical instructions.
 */

export interface HistoryEntry<E, I> {
  /** The event's id: its place in the order of all events, from 1. Instructions carry it as their cause. */
  readonly id: number;
  readonly event: E;
  readonly instructions: readonly I[];
}

/** A pure state machine: one door. */
export interface Machine<E, I> {
  handle(event: E): I[];
}

/**
 * A ring: an entry makes no object, and exactly `limit` events stay alive. (What a history holds survives every collection of young
 * garbage, and is copied by it: with twice as much, that was what the slowest of a hundred jobs waited for.)
 */
export class History<E, I> {
  readonly #limit: number;
  readonly #events: E[] = [];
  readonly #instructions: (readonly I[])[] = [];
  #last = 0;

  /** @param limit How many events are kept; Infinity keeps all. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get last(): number {
    return this.#last;
  }

  record(event: E, instructions: readonly I[]): number {
    if (this.#limit > 0) {
      const at = this.#at(this.#last);
      this.#events[at] = event;
      this.#instructions[at] = instructions;
    }
    this.#last += 1;
    return this.#last;
  }

  entries(): readonly HistoryEntry<E, I>[] {
    const count = this.#events.length;
    return Array.from({ length: count }, (_, i) => {
      const id = this.#last - count + 1 + i;
      const at = this.#at(id - 1);
      return { id, event: this.#events[at] as E, instructions: this.#instructions[at] as readonly I[] };
    });
  }

  /** Where the n-th event stands, from 0. */
  #at(n: number): number {
    return this.#limit === Infinity ? n : n % this.#limit;
  }

  /** The entries whose event or instructions are about it, as lines that a person can read. */
  story(about: (thing: E | I) => boolean): string[] {
    const lines: string[] = [];
    for (const { id, event, instructions } of this.entries()) {
      const told = instructions.filter(about);
      if (!about(event) && told.length === 0) continue;
      lines.push(`#${id} ${brief(event)}`);
      for (const instruction of told) lines.push(`    → ${brief(instruction)}`);
    }
    return lines;
  }
}

/** One line for one event or instruction; long columns are cut, bytes only counted. */
export function brief(thing: unknown): string {
  return JSON.stringify(thing, (key, value: unknown) => {
    if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
    if (value !== null && typeof value === 'object' && 'type' in value && value.type === 'Buffer') return '<bytes>';
    if (Array.isArray(value) && value.length > 8 && typeof value[0] === 'number')
      return `[${value.slice(0, 8).join(',')}… ${value.length}]`;
    return key === 'cause' ? undefined : value;
  });
}
