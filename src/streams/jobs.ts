/**
 * The jobs of one stream that have been pulled and have not ended, by index: their payloads are in custody here. Columns in pages of
 * jobs with neighbouring indexes, and a page is let go with its last job: one straggler keeps one page, however many jobs pass it.
 */
import { type Fields, fieldsBytes } from '../protocol/fields.ts';
import type { PartProgress } from './parts.ts';

const PAGE = 256;

/** What is the matter with a job: it has ended (or was never here), waits to be sent in this session, or was sent in it. */
export const JOB = { none: 0, waiting: 1, sent: 2 } as const;

interface Page {
  live: number;
  readonly states: Uint8Array;
  readonly slots: Float64Array;
  readonly lengths: Float64Array;
  readonly functions: Uint32Array;
  /** Only where a job has any. */
  fields: (Fields | undefined)[] | undefined;
  /** Only of jobs of which something was delivered that did not end them. */
  progress: (PartProgress | undefined)[] | undefined;
}

function weightIn({ lengths, fields }: Page, row: number): number {
  const own = fields?.[row];
  return (lengths[row] as number) + (own === undefined ? 0 : fieldsBytes(own));
}

export class Jobs {
  readonly #pages = new Map<number, Page>();
  #lastNumber = -1;
  #lastPage: Page | undefined;
  #next = 0;
  #live = 0;

  /** The index of the next job; so many there have been. */
  get next(): number {
    return this.#next;
  }

  /** How many have not ended. */
  get live(): number {
    return this.#live;
  }

  add(slot: number, length: number, functionNumber: number, fields: Fields | undefined): number {
    const index = this.#next;
    const number = Math.floor(index / PAGE);
    const page = this.#page(number) ?? this.#open(number);
    const row = index % PAGE;
    page.states[row] = JOB.waiting;
    page.slots[row] = slot;
    page.lengths[row] = length;
    page.functions[row] = functionNumber;
    if (fields !== undefined && fields.length > 0) (page.fields ??= [])[row] = fields;
    page.live += 1;
    this.#live += 1;
    this.#next += 1;
    return index;
  }

  state(index: number): number {
    return this.#page(Math.floor(index / PAGE))?.states[index % PAGE] ?? JOB.none;
  }

  slot(index: number): number {
    return this.#at(index).slots[index % PAGE] as number;
  }

  length(index: number): number {
    return this.#at(index).lengths[index % PAGE] as number;
  }

  /** What it counts for credit: its payload and its fields. */
  weight(index: number): number {
    return weightIn(this.#at(index), index % PAGE);
  }

  functionNumber(index: number): number {
    return this.#at(index).functions[index % PAGE] as number;
  }

  fields(index: number): Fields | undefined {
    return this.#at(index).fields?.[index % PAGE];
  }

  progress(index: number): PartProgress | undefined {
    return this.#page(Math.floor(index / PAGE))?.progress?.[index % PAGE];
  }

  setProgress(index: number, progress: PartProgress): void {
    const page = this.#at(index);
    (page.progress ??= [])[index % PAGE] = progress;
  }

  markSent(index: number): void {
    this.#at(index).states[index % PAGE] = JOB.sent;
  }

  /** Forgets the job; who calls has its slot. */
  end(index: number): void {
    const number = Math.floor(index / PAGE);
    const page = this.#at(index);
    const row = index % PAGE;
    page.states[row] = JOB.none;
    if (page.fields !== undefined) page.fields[row] = undefined;
    if (page.progress !== undefined) page.progress[row] = undefined;
    page.live -= 1;
    this.#live -= 1;
    // The page that is being filled stays until its last row has been used.
    if (page.live === 0 && Math.floor(this.#next / PAGE) !== number) this.#drop(number);
  }

  /** Another session: what had been sent waits again. Returns the lowest index that waits, or `next`; and the bytes of all. */
  unsend(): { lowest: number; bytes: number } {
    let lowest = this.#next;
    let bytes = 0;
    for (const [number, page] of this.#pages) {
      for (let row = 0; row < PAGE; row += 1) {
        if (page.states[row] === JOB.none) continue;
        page.states[row] = JOB.waiting;
        page.progress?.[row]?.replay();
        lowest = Math.min(lowest, number * PAGE + row);
        bytes += weightIn(page, row);
      }
    }
    return { lowest, bytes };
  }

  /** The lowest index from `from` on that waits to be sent, or `next`. */
  nextWaiting(from: number): number {
    let index = from;
    while (index < this.#next) {
      const number = Math.floor(index / PAGE);
      const page = this.#page(number);
      if (page === undefined) {
        index = this.#pageAfter(number) * PAGE;
        continue;
      }
      const end = Math.min(this.#next, (number + 1) * PAGE);
      for (; index < end; index += 1) if (page.states[index % PAGE] === JOB.waiting) return index;
    }
    return this.#next;
  }

  /** The slots of all that have not ended; they are forgotten. */
  clear(): number[] {
    const slots: number[] = [];
    for (const page of this.#pages.values()) {
      for (let row = 0; row < PAGE; row += 1) if (page.states[row] !== JOB.none) slots.push(page.slots[row] as number);
    }
    this.#pages.clear();
    this.#lastNumber = -1;
    this.#lastPage = undefined;
    this.#live = 0;
    return slots;
  }

  #open(number: number): Page {
    const page: Page = {
      live: 0,
      states: new Uint8Array(PAGE),
      slots: new Float64Array(PAGE),
      lengths: new Float64Array(PAGE),
      functions: new Uint32Array(PAGE),
      fields: undefined,
      progress: undefined,
    };
    this.#dropIfEmpty(number - 1);
    this.#pages.set(number, page);
    this.#lastNumber = number;
    this.#lastPage = page;
    return page;
  }

  #page(number: number): Page | undefined {
    if (number === this.#lastNumber) return this.#lastPage;
    const page = this.#pages.get(number);
    if (page === undefined) return undefined;
    this.#lastNumber = number;
    this.#lastPage = page;
    return page;
  }

  #at(index: number): Page {
    const page = this.#page(Math.floor(index / PAGE));
    if (page === undefined || page.states[index % PAGE] === JOB.none) throw new Error(`assertion: job ${index} is not here`);
    return page;
  }

  #dropIfEmpty(number: number): void {
    if (this.#pages.get(number)?.live === 0) this.#drop(number);
  }

  #drop(number: number): void {
    this.#pages.delete(number);
    if (number !== this.#lastNumber) return;
    this.#lastNumber = -1;
    this.#lastPage = undefined;
  }

  #pageAfter(number: number): number {
    let next = Infinity;
    for (const other of this.#pages.keys()) if (other > number && other < next) next = other;
    return next;
  }
}
