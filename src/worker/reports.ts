/** What a worker says of its parts, gathered until the flush; and the payloads that are not needed after it. Pure. */
import type { Drafts } from '../protocol/drafts.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import { PART, type Parts } from './parts.ts';

export class Reports {
  readonly #drafts: Drafts;
  readonly #parts: Parts;
  #spent: number[] = [];
  #lent = 0;
  /** Somebody waits for something that was said. */
  #told = false;
  /** What came by PUSH, and was not accepted yet. */
  #pushed: PartsRecord[] = [];

  constructor(drafts: Drafts, parts: Parts) {
    this.#drafts = drafts;
    this.#parts = parts;
  }

  /** A result, an end, an error. The payload (-1: none) is let go after the flush. */
  entry(local: number, index: number, flags: number, slot: number, length: number): void {
    if ((flags & ENTRY.partEnd) === 0 || (flags & ENTRY.error) !== 0) this.accept();
    this.#told = true;
    const key = this.#parts.key[local] as number;
    const attempt = this.#parts.attempt[local] as number;
    const open = this.#drafts.outcomes(length);
    if (open === undefined) {
      this.#drafts.begin({
        kind: 'outcomes',
        keys: [key],
        attempts: [attempt],
        indexes: [index],
        flags: [flags],
        busyMicros: 0,
        slots: [slot],
        lengths: [length],
      });
    } else {
      open.keys.push(key);
      open.attempts.push(attempt);
      open.indexes.push(index);
      open.flags.push(flags);
      open.slots.push(slot);
      open.lengths.push(length);
    }
    this.spend(slot);
  }

  /** Parts that ended held lanes for so long. */
  busy(micros: number): void {
    if (micros <= 0) return;
    const open = this.#drafts.outcomes(0);
    if (open !== undefined) open.busyMicros += micros;
    else
      this.#drafts.begin({ kind: 'outcomes', keys: [], attempts: [], indexes: [], flags: [], busyMicros: micros, slots: [], lengths: [] });
  }

  /** Parts came by PUSH. The master is told with the next `accept`. */
  pushed(record: PartsRecord): void {
    this.#pushed.push(record);
  }

  /** These rows go back at once. What came by PUSH is accepted first, so that the master knows where it is. */
  turnedAway(record: PartsRecord, rows: readonly number[], pushed: boolean): void {
    const keys = rows.map((row) => record.keys[row] as number);
    const attempts = rows.map((row) => record.attempts[row] as number);
    if (keys.length > 0 && pushed) this.#drafts.add({ kind: 'accepted', keys, attempts });
    if (keys.length > 0) this.returned(keys, attempts);
  }

  /** Accepts what has come by PUSH and has not ended: who hears of a good end needs no word before. Anything else is said behind this. */
  accept(): void {
    if (this.#pushed.length === 0) return;
    for (const record of this.#pushed) {
      const rows = [...record.keys.keys()].filter((row) => this.#parts.find(record.keys[row] as number) >= 0);
      const keys = rows.map((row) => record.keys[row] as number);
      const attempts = rows.map((row) => record.attempts[row] as number);
      if (keys.length > 0) this.#drafts.add({ kind: 'accepted', keys, attempts });
    }
    this.#pushed = [];
  }

  /** Parts go back, of these attempts. `accept` was said of them, or of one whose end could not be told, an error. */
  returned(keys: readonly number[], attempts: readonly number[]): void {
    this.#told = true;
    this.unwanted(keys, attempts);
  }

  /** The same of parts that nobody waits for (by default: of no attempt, they were not here). */
  unwanted(keys: readonly number[], attempts: readonly number[] = keys.map(() => 0)): void {
    this.#drafts.add({ kind: 'returned', keys, attempts });
  }

  hungry(locals: readonly number[]): void {
    if (locals.length === 0) return;
    this.accept();
    const { key, wanted } = this.#parts;
    this.#drafts.add({
      kind: 'hungry',
      keys: locals.map((local) => key[local] as number),
      bytes: locals.map((local) => wanted[local] as number),
    });
  }

  /** Says how many parts that were begun hold no lane, if that is news. */
  lent(): void {
    const lent = this.#parts.count(PART.parked) + this.#parts.count(PART.lending) + this.#parts.count(PART.ready);
    if (lent === this.#lent) return;
    this.#lent = lent;
    this.#drafts.add({ kind: 'lent', count: lent });
  }

  /** Another session begins, and its master takes us for a worker that has lent nothing. */
  reset(): void {
    this.#lent = 0;
    this.#told = false;
    this.#pushed = [];
  }

  takeTold(): boolean {
    const told = this.#told;
    this.#told = false;
    return told;
  }

  /** A payload that nobody needs after the flush. */
  spend(slot: number): void {
    if (slot < 0) return;
    if (this.#spent.length === 0) this.#spent = [slot];
    else this.#spent.push(slot);
  }

  /** The payloads that the flush lets go. */
  takeSpent(): readonly number[] {
    const spent = this.#spent;
    if (spent.length > 0) this.#spent = [];
    return spent;
  }
}
