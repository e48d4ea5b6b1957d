/**
 * Puts the entries of a stream into the order of job, part and index. What comes for the head (the oldest job that has not ended, and
 * its lowest part that has not) passes at once; everything else is held until its turn. Within a part entries come in order anyway.
 *
 * Results that are held use the consumer's credit; the master keeps the last unit of it for the head, so the head can always move.
 */
import { ENTRY } from '../protocol/stream_records.ts';
import { type Entries, type Entry, isShown } from './columns.ts';

/** Of one job whose turn has not come: entries by part, and what ended the job, if it has ended. */
interface Held {
  readonly parts: Map<number, Entry[]>;
  end: Entry | undefined;
}

/** Whether the job is over, or which of its parts are. */
export type HasEnded = (job: number, part: number) => boolean;

export class Order {
  readonly #held = new Map<number, Held>();
  readonly #hasEnded: HasEnded;
  #job = 0;
  #part = 0;

  /** @param hasEnded whether a part of a job that has not ended is over; told before the entry that ends it is added */
  constructor(hasEnded: HasEnded) {
    this.#hasEnded = hasEnded;
  }

  /** Takes an entry; all that may be seen now goes to `out`. */
  add(entry: Entry, out: Entries): void {
    const atHead = entry.job === this.#job;
    if ((entry.flags & ENTRY.jobEnd) !== 0) {
      if (atHead && !this.#held.has(entry.job)) out.add(entry);
      else this.#hold(entry);
      if (atHead) this.#drain(out);
      return;
    }
    if (!atHead) {
      if (isShown(entry.flags)) this.#hold(entry);
      return;
    }
    if (entry.part !== this.#part) {
      if (isShown(entry.flags)) this.#hold(entry);
      return;
    }
    out.add(entry);
    if ((entry.flags & ENTRY.partEnd) !== 0) this.#nextPart(out);
  }

  /** Everything that is held, in order, whether its turn has come or not. */
  flush(out: Entries): void {
    for (const job of [...this.#held.keys()].sort((a, b) => a - b)) this.#handOn(this.#held.get(job) as Held, out);
    this.#held.clear();
  }

  #hold(entry: Entry): void {
    let held = this.#held.get(entry.job);
    if (held === undefined) this.#held.set(entry.job, (held = { parts: new Map(), end: undefined }));
    if ((entry.flags & ENTRY.jobEnd) !== 0) {
      held.end = entry;
      return;
    }
    const entries = held.parts.get(entry.part);
    if (entries === undefined) held.parts.set(entry.part, [entry]);
    else entries.push(entry);
  }

  /** The head's part is over: on to the next that is not. */
  #nextPart(out: Entries): void {
    const held = this.#held.get(this.#job);
    do {
      this.#part += 1;
      const entries = held?.parts.get(this.#part);
      if (entries === undefined) continue;
      held?.parts.delete(this.#part);
      for (const entry of entries) out.add(entry);
    } while (this.#hasEnded(this.#job, this.#part));
    if (held?.parts.size === 0) this.#held.delete(this.#job);
  }

  /** The head's job is over, its end is held or passed: on to the next that is not. */
  #drain(out: Entries): void {
    for (;;) {
      const held = this.#held.get(this.#job);
      if (held !== undefined) {
        this.#held.delete(this.#job);
        this.#handOn(held, out);
      }
      this.#job += 1;
      this.#part = 0;
      const next = this.#held.get(this.#job);
      if (next?.end !== undefined) continue;
      this.#part = -1;
      this.#nextPart(out);
      return;
    }
  }

  /** All of a job: its parts in order; the entry that ended it in its own part, or last if it has none. The job's end is told last. */
  #handOn(held: Held, out: Entries): void {
    const { end } = held;
    const inPart = end !== undefined && (end.flags & (ENTRY.result | ENTRY.partEnd)) !== 0;
    if (inPart) {
      const entries = held.parts.get(end.part);
      const { job, part, index, flags, slot, length } = end;
      const entry = { job, part, index, flags: flags & ~ENTRY.jobEnd, slot, length };
      if (entries === undefined) held.parts.set(end.part, [entry]);
      else entries.push(entry);
    }
    for (const part of [...held.parts.keys()].sort((a, b) => a - b)) {
      for (const entry of held.parts.get(part) as Entry[]) out.add(entry);
    }
    if (inPart) out.push(end.job, end.part, end.index, ENTRY.jobEnd, -1, 0);
    else if (end !== undefined) out.add(end);
  }
}
