/** What a worker says of its parts, gathered until the flush; and the payloads that are not needed after it. Pure. */
import type { Drafts } from '../protocol/drafts.ts';
import type { Parts } from './parts.ts';

export class Reports {
  readonly #drafts: Drafts;
  readonly #parts: Parts;
  #spent: number[] = [];
  #lent = 0;

  constructor(drafts: Drafts, parts: Parts) {
    this.#drafts = drafts;
    this.#parts = parts;
  }

  /** A result, an end, an error. The payload (-1: none) is let go after the flush. */
  entry(local: number, index: number, flags: number, slot: number, length: number): void {
    const record = this.#drafts.outcomes(length);
    record.keys.push(this.#parts.key[local] as number);
    record.attempts.push(this.#parts.attempt[local] as number);
    record.indexes.push(index);
    record.flags.push(flags);
    record.slots.push(slot);
    record.lengths.push(length);
    if (slot >= 0) this.#spent.push(slot);
  }

  /** Parts that ended held lanes for so long. */
  busy(micros: number): void {
    if (micros > 0) this.#drafts.outcomes(0).busyMicros += micros;
  }

  accepted(keys: readonly number[], attempts: readonly number[]): void {
    if (keys.length > 0) this.#drafts.add({ kind: 'accepted', keys, attempts });
  }

  returned(keys: readonly number[], attempts: readonly number[]): void {
    this.#drafts.add({ kind: 'returned', keys, attempts });
  }

  hungry(locals: readonly number[]): void {
    if (locals.length === 0) return;
    const { key, wanted } = this.#parts;
    this.#drafts.add({
      kind: 'hungry',
      keys: locals.map((local) => key[local] as number),
      bytes: locals.map((local) => wanted[local] as number),
    });
  }

  /** Says how many parts that were begun hold no lane, if that is news. */
  lent(): void {
    const { parked, lending, ready } = this.#parts.count;
    const lent = parked + lending + ready;
    if (lent === this.#lent) return;
    this.#lent = lent;
    this.#drafts.add({ kind: 'lent', count: lent });
  }

  /** Another session begins, and its master takes us for a worker that has lent nothing. */
  reset(): void {
    this.#lent = 0;
  }

  /** A payload that nobody needs after the flush. */
  spend(slot: number): void {
    if (slot >= 0) this.#spent.push(slot);
  }

  /** The payloads that the flush lets go. */
  takeSpent(): readonly number[] {
    const spent = this.#spent;
    if (spent.length > 0) this.#spent = [];
    return spent;
  }
}
