/**
 * Batches in the making. State machines add records as they decide; at the flush each draft becomes one message. Columns of the same
 * kind grow together, so a thousand results of one stream are one record. A draft that is full is closed, and the next begins.
 */
import { type Fields, fieldsBytes } from './fields.ts';
import type { WireRecord } from './messages.ts';
import { type JobsRecord, type ResultsRecord } from './stream_records.ts';
import type { OutcomesRecord, PartsRecord } from './part_records.ts';

/**
 * Bytes of payloads, and of what may be long in a header (fields and names), after which a draft is closed: a header is one frame, and
 * the transport takes none of more than 4 MiB.
 * @internal
 */
export const DRAFT_BYTES = 1_048_576;
/**
 * Items after which it is.
 * @internal
 */
export const DRAFT_ITEMS = 4_096;

/** Columns that can still grow. */
export type Growing<R> = { -readonly [K in keyof R]: R[K] extends Fields ? R[K] : R[K] extends readonly (infer T)[] ? T[] : R[K] };

/** Not by an index of -1: that is no number of an array, and slow. */
function lastOf<T>(list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[list.length - 1];
}

/** What a character takes at most. */
const CHARACTER_BYTES = 3;

/** What a record says once, whatever it brings, at most. */
function headBytes(record: WireRecord): number {
  switch (record.kind) {
    case 'parts':
      return (record.id.length + record.client.length + record.function.length) * CHARACTER_BYTES + fieldsBytes(record.fields);
    case 'open':
      return record.id.length * CHARACTER_BYTES + fieldsBytes(record.fields);
    case 'jobs':
      return (record.functions[0] as string).length * CHARACTER_BYTES;
    case 'notice':
    case 'giveUp':
    case 'reply':
      return record.text.length * CHARACTER_BYTES;
    case 'call':
      return record.key.length * CHARACTER_BYTES;
    default:
      return 0;
  }
}

/** Of drafts in which there is nothing. Nobody writes to it. */
const NONE: WireRecord[][] = [];

/** What is to be sent to one peer on one lane. */
export class Drafts {
  /**
   * Never an empty list that waits: V8 would move it to the old generation, and there whatever it points to counts as alive in collections of
   * young objects, even when the list itself is garbage. So each batch would become old.
   */
  #batches = NONE;
  /** What the last of them holds, and whether it is closed: the next record begins another. */
  #bytes = 0;
  #items = 0;
  #closed = true;

  get empty(): boolean {
    return this.#batches.length === 0;
  }

  /** Adds a record that is complete. */
  add(record: WireRecord, bytes = 0): void {
    this.#admit(bytes, false);
    this.begin(record);
  }

  /**
   * The open `results` record of a stream, which takes one more entry of so many bytes; undefined if there is none: then one is to be begun
   * with that entry. (Most have one entry. A list that is made with it is a third as long as one that grows from nothing.)
   * `whole`: never begin another batch.
   */
  results(stream: number, bytes: number, whole = false): Growing<ResultsRecord> | undefined {
    const open = this.#admit(bytes, whole);
    return open?.kind === 'results' && open.stream === stream ? (open as Growing<ResultsRecord>) : undefined;
  }

  /** As `results`: the open `outcomes` record. */
  outcomes(bytes: number): Growing<OutcomesRecord> | undefined {
    const open = this.#admit(bytes, false);
    return open?.kind === 'outcomes' ? (open as Growing<OutcomesRecord>) : undefined;
  }

  /** As `results`: the open `parts` record for a function of a stream. */
  parts(stream: number, name: string, bytes: number): Growing<PartsRecord> | undefined {
    const open = this.#admit(bytes, false);
    return open?.kind === 'parts' && open.stream === stream && open.function === name ? (open as Growing<PartsRecord>) : undefined;
  }

  /** As `results`: the open `jobs` record of a stream, behind which job `index` comes. */
  jobs(stream: number, index: number, bytes: number): Growing<JobsRecord> | undefined {
    const open = this.#admit(bytes, false);
    if (open?.kind !== 'jobs' || open.stream !== stream || open.first + open.slots.length !== index) return undefined;
    return open as Growing<JobsRecord>;
  }

  /** Begins a record with an entry for which there was none. */
  begin(record: WireRecord): void {
    this.#bytes += headBytes(record);
    if (this.#batches === NONE) this.#batches = [[record]];
    else if (this.#closed) this.#batches.push([record]);
    else (lastOf(this.#batches) as WireRecord[]).push(record);
    this.#closed = false;
  }

  /** A record that is open says something more that is no item: a name. */
  addText(text: string): void {
    this.#bytes += text.length * CHARACTER_BYTES;
  }

  /** The batches to send; the drafts begin anew. */
  take(): readonly (readonly WireRecord[])[] {
    const batches = this.#batches;
    this.#batches = NONE;
    this.#closed = true;
    return batches;
  }

  /** Counts one more item, in another batch if this one has no room for it. Returns the last record of its batch. */
  #admit(bytes: number, whole: boolean): WireRecord | undefined {
    if (!this.#closed && (whole || (this.#bytes + bytes <= DRAFT_BYTES && this.#items < DRAFT_ITEMS))) {
      this.#bytes += bytes;
      this.#items += 1;
      return lastOf(lastOf(this.#batches) as WireRecord[]);
    }
    this.#closed = true;
    this.#bytes = bytes;
    this.#items = 1;
    return undefined;
  }
}
