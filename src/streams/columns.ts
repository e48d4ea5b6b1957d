/** Entries on their way to the consumer, as columns. */
import { ENTRY } from '../protocol/stream_records.ts';
import type { DeliverInstruction } from './events.ts';

/** The index of the entry that ends a job which its owner cancelled. */
export const DROPPED = -1;

export interface Entry {
  readonly job: number;
  readonly part: number;
  readonly index: number;
  readonly flags: number;
  readonly slot: number;
  readonly length: number;
}

/** Whether the user sees it: a result or an error. */
export function isShown(flags: number): boolean {
  return (flags & (ENTRY.result | ENTRY.error)) !== 0;
}

/** Whether it fills the window until the user's iteration has passed it. */
export function isTaken(flags: number, index: number): boolean {
  return isShown(flags) || index === DROPPED;
}

/** Never written to. */
const NONE: number[] = [];

export class Entries {
  jobs: number[] = NONE;
  parts: number[] = NONE;
  indexes: number[] = NONE;
  flags: number[] = NONE;
  slots: number[] = NONE;
  lengths: number[] = NONE;

  get size(): number {
    return this.jobs.length;
  }

  /** (Mostly there is one. A list that is made with it is a third as long as one that grows from nothing.) */
  push(job: number, part: number, index: number, flags: number, slot: number, length: number): void {
    if (this.size === 0) {
      this.jobs = [job];
      this.parts = [part];
      this.indexes = [index];
      this.flags = [flags];
      this.slots = [slot];
      this.lengths = [length];
      return;
    }
    this.jobs.push(job);
    this.parts.push(part);
    this.indexes.push(index);
    this.flags.push(flags);
    this.slots.push(slot);
    this.lengths.push(length);
  }

  add(entry: Entry): void {
    this.push(entry.job, entry.part, entry.index, entry.flags, entry.slot, entry.length);
  }

  /** Drops the entries from `at` on; returns the slots that they had. */
  cut(at: number): readonly number[] {
    if (at >= this.size) return NONE;
    const slots = this.slots.slice(at).filter((slot) => slot >= 0);
    for (const column of [this.jobs, this.parts, this.indexes, this.flags, this.slots, this.lengths]) column.length = at;
    return slots;
  }

  deliver(stream: number): DeliverInstruction {
    const { jobs, parts, indexes, flags, slots, lengths } = this;
    return { type: 'deliver', stream, jobs, parts, indexes, flags, slots, lengths };
  }
}
