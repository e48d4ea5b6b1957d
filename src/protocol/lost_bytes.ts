/**
 * What becomes of a message of which a payload is not there any more: whoever gave its memory away transferred it elsewhere before it was
 * sent. All else goes out as it is. A stream of our own loses the jobs that stood with it in a record, and is to be ended; a result becomes an
 * error of its part.
 */
import type { Hello } from './greetings.ts';
import type { Kept } from './kept.ts';
import { type Envelope, encodeBatch, NO_ID, type WireRecord } from './messages.ts';
import { codeOf, failureFlags, type OutcomesRecord } from './part_records.ts';
import { LostBytes, type PayloadStore } from './payloads.ts';
import { encodeError } from './remote_error.ts';
import { ENTRY } from './stream_records.ts';

/** Who is told, before anything of that message is sent. */
export interface Lost {
  /** This job cannot be sent, and nothing that comes behind it in its stream is to be. */
  readonly job: (stream: number, job: number) => void;
  /** This attempt of a part has failed, whatever else was to be said of it. Its function may go on; or has ended, and that was left out (`untold`). */
  readonly part?: (key: number, attempt: number, untold: boolean) => void;
  /** Parts that have failed so, for as long as messages follow that were made before it was known: what these hold of them is left out. */
  readonly failed?: Set<number>;
}

export const WHERE_IT_WENT = 'its memory was transferred elsewhere before it was sent';

/** As encodeBatch, but for what is lost. */
export function encodeLeft(envelope: Envelope, records: readonly WireRecord[], store: PayloadStore, lost: Lost): Uint8Array[] {
  try {
    if (lost.failed === undefined || lost.failed.size === 0) return encodeBatch(envelope, records, store);
  } catch (error) {
    if (!(error instanceof LostBytes)) throw error;
  }
  const errors: number[] = [];
  const left: WireRecord[] = [];
  for (const record of records) {
    if (record.kind === 'outcomes') left.push(withErrors(record, store, lost, errors));
    else if (record.kind !== 'jobs') left.push(record);
    else {
      const at = record.slots.findIndex((slot) => isLost(store, slot));
      if (at < 0) left.push(record);
      else lost.job(record.stream, record.first + at);
    }
  }
  const frames = encodeBatch(envelope, left, store);
  for (const slot of errors) store.release(slot);
  return frames;
}

/**
 * What a peer says to go on with its session. If not all that the other side needs could be sent again, it gives the session up (it names no
 * token), and the state machines above say again what they still want.
 */
export function helloOf(hello: Hello, kept: Kept): Hello {
  return kept.torn ? { ...hello, token: NO_ID } : hello;
}

function isLost(store: PayloadStore, slot: number): boolean {
  try {
    store.pieces(slot);
    return false;
  } catch (error) {
    if (error instanceof LostBytes) return true;
    throw error;
  }
}

/** The first result of a part that is lost becomes its error, and what stands behind that is left out: nobody could use it. */
function withErrors(record: OutcomesRecord, store: PayloadStore, lost: Lost, errors: number[]): OutcomesRecord {
  const [keys, attempts, indexes, flags, slots, lengths]: number[][] = [[], [], [], [], [], []] as const;
  /** Where the errors of this record's parts stand, by key. */
  const places = new Map<number, number>();
  for (const [at, key] of record.keys.entries()) {
    const slot = record.slots[at] as number;
    const ends = hasEnded(record.flags[at] as number);
    if (lost.failed?.has(key) === true) {
      // (It may have come again since, and have ended as a newer attempt.)
      if (ends) lost.part?.(key, record.attempts[at] as number, true);
      continue;
    }
    const error = failureFlags('bad-result') - (ends ? 0 : ENTRY.partEnd);
    const place = places.get(key);
    if (place !== undefined) {
      attempts[place] = record.attempts[at] as number;
      flags[place] = error;
      continue;
    }
    const isGone = slot >= 0 && isLost(store, slot);
    if (isGone) places.set(key, keys.length);
    keys.push(key);
    attempts.push(record.attempts[at] as number);
    indexes.push(record.indexes[at] as number);
    flags.push(isGone ? error : (record.flags[at] as number));
    slots.push(slot);
    lengths.push(record.lengths[at] as number);
  }
  for (const [key, place] of places) {
    const message = `a result cannot be told: ${WHERE_IT_WENT}`;
    const about = { function: '', worker: '', attempts: attempts[place] as number, stack: '', phase: '' };
    const bytes = encodeError({ code: 'bad-result', message, ...about });
    slots[place] = store.put(bytes);
    lengths[place] = bytes.length;
    errors.push(slots[place]);
    lost.failed?.add(key);
    lost.part?.(key, attempts[place] as number, false);
  }
  return { kind: 'outcomes', keys, attempts, indexes, flags, busyMicros: record.busyMicros, slots, lengths };
}

/** Whether the function of a part is over. Of one whose time is over, the end is told later. */
function hasEnded(flags: number): boolean {
  return (flags & ENTRY.partEnd) !== 0 && ((flags & ENTRY.error) === 0 || codeOf(flags) !== 'timed-out');
}
