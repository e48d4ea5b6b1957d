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

/** What is remembered of an event: one object, so that a list that is old points to one that is young. */
interface Remembered<E, I> {
  readonly event: E;
  readonly instructions: readonly I[];
  readonly weight: number;
}

/** A ring: exactly what is remembered stays alive. */
export class History<E, I> {
  readonly #limit: number;
  readonly #ring: (Remembered<E, I> | undefined)[] = [];
  /** Where the next event is put, and where the oldest is. */
  #next = 0;
  #oldest = 0;
  #length = 0;
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
    this.#last += 1;
    const limit = this.#limit;
    if (limit === 0) return this.#last;
    let weight = 0;
    if (limit !== Infinity) {
      weight = itemsIn(event as unknown as Columns);
      for (const instruction of instructions) weight += itemsIn(instruction as unknown as Columns);
      this.#weight += weight;
      // Its place is the next event's.
      if (this.#length === limit) this.#forget();
    }
    this.#ring[this.#next] = { event, instructions, weight };
    this.#next = this.#after(this.#next);
    this.#length += 1;
    while (this.#weight > limit * ITEMS_AN_EVENT && this.#length > FEW) this.#ring[this.#forget()] = undefined;
    return this.#last;
  }

  entries(): readonly HistoryEntry<E, I>[] {
    const first = this.#last - this.#length;
    let at = this.#oldest;
    return Array.from({ length: this.#length }, (_, i) => {
      const { event, instructions } = this.#ring[at] as Remembered<E, I>;
      at = this.#after(at);
      return { id: first + i + 1, event, instructions };
    });
  }

  /** The oldest is not counted any more. Returns where it stood. */
  #forget(): number {
    const at = this.#oldest;
    this.#weight -= (this.#ring[at] as Remembered<E, I>).weight;
    this.#length -= 1;
    this.#oldest = this.#after(at);
    return at;
  }

  #after(at: number): number {
    return at + 1 === this.#limit ? 0 : at + 1;
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
