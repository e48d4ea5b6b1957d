/**
 * What becomes of a message of which a payload is not there any more: whoever gave its memory away transferred it elsewhere before it was
 * sent. All else goes out as it is. A stream of our own loses the jobs that stood with it in a record, and is to be ended; a result becomes an
 * error of its part.
 */
import type { Hello } from './greetings.ts';
import type { Kept } from './kept.ts';
import { type Envelope, encodeBatch, NO_ID, type WireRecord } from './messages.ts';
import { failureFlags, type OutcomesRecord } from './part_records.ts';
import { LostBytes, type PayloadStore } from './payloads.ts';
import { encodeError } from './remote_error.ts';
import { ENTRY } from './stream_records.ts';

/** Who is told, before anything of that message is sent. */
export interface Lost {
  /** This job cannot be sent, and nothing that comes behind it in its stream is to be. */
  readonly job: (stream: number, job: number) => void;
  /** This part has failed, but its function goes on. */
  readonly part?: (key: number) => void;
}

export const WHERE_IT_WENT = 'its memory was transferred elsewhere before it was sent';

/** As encodeBatch, but for what is lost. */
export function encodeLeft(envelope: Envelope, records: readonly WireRecord[], store: PayloadStore, lost: Lost): Uint8Array[] {
  try {
    return encodeBatch(envelope, records, store);
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

function withErrors(record: OutcomesRecord, store: PayloadStore, lost: Lost, errors: number[]): OutcomesRecord {
  const { keys, attempts } = record;
  const [flags, slots, lengths] = [[...record.flags], [...record.slots], [...record.lengths]];
  const ends = (at: number): boolean => ((record.flags[at] as number) & ENTRY.partEnd) !== 0;
  for (const [at, slot] of record.slots.entries()) {
    if (slot < 0 || !isLost(store, slot)) continue;
    const message = `a result cannot be told: ${WHERE_IT_WENT}`;
    const about = { function: '', worker: '', attempts: attempts[at] as number, stack: '', phase: '' };
    const bytes = encodeError({ code: 'bad-result', message, ...about });
    flags[at] = failureFlags('bad-result') - (ends(at) ? 0 : ENTRY.partEnd);
    slots[at] = store.put(bytes);
    lengths[at] = bytes.length;
    errors.push(slots[at]);
    if (!keys.some((key, later) => later >= at && key === keys[at] && ends(later))) lost.part?.(keys[at] as number);
  }
  return { ...record, flags, slots, lengths };
}
