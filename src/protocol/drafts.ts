/**
 * Batches in the making. State machines add records as they decide; at the flush each draft becomes one message. Columns of the same
 * kind grow together, so a thousand results of one stream are one record. A draft that is full is closed, and the next begins.
 */
import type { Fields } from './fields.ts';
import type { WireRecord } from './messages.ts';
import { type JobsRecord, type ResultsRecord } from './stream_records.ts';
import type { OutcomesRecord, PartsRecord } from './part_records.ts';

/**
 * Payload bytes after which a draft is closed.
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

interface Draft {
  records: WireRecord[];
  bytes: number;
  items: number;
}

/** Not by an index of -1: that is no number of an array, and slow. */
function lastOf<T>(list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[list.length - 1];
}

/** What is to be sent to one peer on one lane. */
export class Drafts {
  #drafts: Draft[] = [];

  get empty(): boolean {
    return this.#drafts.length === 0;
  }

  /** Adds a record that is complete. */
  add(record: WireRecord, bytes = 0): void {
    const draft = this.#current(bytes);
    draft.records.push(record);
  }

  /** The `results` record of a stream that can take one more entry of so many bytes. `whole`: never begin another batch. */
  results(stream: number, bytes: number, whole = false): Growing<ResultsRecord> {
    const last = this.#current(bytes, whole).records;
    const open = lastOf(last);
    if (open?.kind === 'results' && open.stream === stream) return open as Growing<ResultsRecord>;
    const record: Growing<ResultsRecord> = { kind: 'results', stream, jobs: [], parts: [], indexes: [], flags: [], slots: [], lengths: [] };
    last.push(record);
    return record;
  }

  /** The `outcomes` record that can take one more entry of so many bytes. */
  outcomes(bytes: number): Growing<OutcomesRecord> {
    const last = this.#current(bytes).records;
    const open = lastOf(last);
    if (open?.kind === 'outcomes') return open as Growing<OutcomesRecord>;
    const record: Growing<OutcomesRecord> = {
      kind: 'outcomes',
      keys: [],
      attempts: [],
      indexes: [],
      flags: [],
      busyMicros: 0,
      slots: [],
      lengths: [],
    };
    last.push(record);
    return record;
  }

  /** The `parts` record for a function of a stream that can take one more part of so many bytes. */
  parts(about: { stream: number; id: string; client: string; function: string; fields: Fields }, bytes: number): Growing<PartsRecord> {
    const last = this.#current(bytes).records;
    const open = lastOf(last);
    if (open?.kind === 'parts' && open.stream === about.stream && open.function === about.function) return open as Growing<PartsRecord>;
    const record: Growing<PartsRecord> = {
      kind: 'parts',
      stream: about.stream,
      id: about.id,
      client: about.client,
      function: about.function,
      fields: about.fields,
      keys: [],
      attempts: [],
      jobs: [],
      parts: [],
      grants: [],
      bytes: [],
      partFields: [],
      allocations: [],
      slots: [],
      lengths: [],
    };
    last.push(record);
    return record;
  }

  /** The `jobs` record of a stream that can take job `index` of so many bytes. */
  jobs(stream: number, index: number, bytes: number): Growing<JobsRecord> {
    const last = this.#current(bytes).records;
    const open = lastOf(last);
    if (open?.kind === 'jobs' && open.stream === stream && open.first + open.slots.length === index) return open as Growing<JobsRecord>;
    const record: Growing<JobsRecord> = {
      kind: 'jobs',
      stream,
      first: index,
      functions: [],
      which: [],
      fields: [],
      slots: [],
      lengths: [],
    };
    last.push(record);
    return record;
  }

  /** The batches to send; the drafts begin anew. */
  take(): (readonly WireRecord[])[] {
    const taken = this.#drafts.map((draft) => draft.records);
    this.#drafts = [];
    return taken;
  }

  #current(bytes: number, whole = false): Draft {
    let draft = lastOf(this.#drafts);
    if (draft === undefined || (!whole && draft.items > 0 && (draft.bytes + bytes > DRAFT_BYTES || draft.items >= DRAFT_ITEMS))) {
      draft = { records: [], bytes: 0, items: 0 };
      this.#drafts.push(draft);
    }
    draft.bytes += bytes;
    draft.items += 1;
    return draft;
  }
}
