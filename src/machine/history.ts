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
 * So many items in columns (jobs, parts, results) are remembered for each event of the limit, on average; a few events are remembered
 * however large they are. (What a history holds survives every collection of young garbage, and is copied by it.)
 */
const ITEMS_AN_EVENT = 8;
const FEW = 8;

/** A ring: an entry makes no object, and exactly what is remembered stays alive. */
export class History<E, I> {
  readonly #limit: number;
  readonly #events: (E | undefined)[] = [];
  readonly #instructions: (readonly I[])[] = [];
  readonly #weights: number[] = [];
  /** How many events have been forgotten, and how many there have been. */
  #forgotten = 0;
  #last = 0;
  /** What those that are remembered weigh. */
  #weight = 0;

  /** @param limit How many events are kept, fewer if they are large; Infinity keeps all. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get last(): number {
    return this.#last;
  }

  record(event: E, instructions: readonly I[]): number {
    if (this.#limit === 0) return this.#count();
    if (this.#last - this.#forgotten >= this.#limit) this.#forget();
    const at = this.#at(this.#last);
    this.#events[at] = event;
    this.#instructions[at] = instructions;
    if (this.#limit === Infinity) return this.#count();
    let weight = itemsIn(event as unknown as Columns);
    for (const instruction of instructions) weight += itemsIn(instruction as unknown as Columns);
    this.#weights[at] = weight;
    this.#weight += weight;
    while (this.#weight > this.#limit * ITEMS_AN_EVENT && this.#last - this.#forgotten >= FEW) this.#forget();
    return this.#count();
  }

  entries(): readonly HistoryEntry<E, I>[] {
    return Array.from({ length: this.#limit === 0 ? 0 : this.#last - this.#forgotten }, (_, i) => {
      const at = this.#at(this.#forgotten + i);
      return { id: this.#forgotten + i + 1, event: this.#events[at] as E, instructions: this.#instructions[at] as readonly I[] };
    });
  }

  #count(): number {
    this.#last += 1;
    return this.#last;
  }

  /** Lets the oldest go. */
  #forget(): void {
    const at = this.#at(this.#forgotten);
    this.#weight -= this.#weights[at] as number;
    this.#events[at] = undefined;
    this.#instructions[at] = [];
    this.#forgotten += 1;
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

/** Where things tell of many items at once. */
interface Columns {
  readonly type?: string;
  readonly records: readonly { readonly kind: string; readonly slots: readonly unknown[] }[];
  readonly slots: readonly unknown[];
  readonly locals: readonly unknown[];
}

/** How many items a thing tells of. Everything that happens is asked: to look for what is not there is dear. */
function itemsIn(thing: Columns): number {
  switch (thing.type) {
    case 'batch':
    case 'report':
    case 'send':
    case 'push': {
      let count = 0;
      for (const record of thing.records) count += itemsOf(record);
      return count;
    }
    case 'ran':
    case 'run':
      return thing.locals.length;
    case 'pulled':
    case 'scattered':
    case 'gathered':
    case 'deliver':
    case 'release':
      return thing.slots.length;
    default:
      return 0;
  }
}

function itemsOf({ kind, slots }: { readonly kind: string; readonly slots: readonly unknown[] }): number {
  return kind === 'jobs' || kind === 'results' || kind === 'parts' || kind === 'outcomes' ? slots.length : 0;
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
