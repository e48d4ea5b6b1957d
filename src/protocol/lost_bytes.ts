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
  /** A part goes by an error from here on, but its function goes on. */
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
      const at = record.slots.findIndex((slot) => store.isLost(slot));
      if (at < 0) left.push(record);
      else lost.job(record.stream, record.first + at);
    }
  }
  const frames = encodeBatch(envelope, left, store);
  for (const slot of errors) store.release(slot);
  return frames;
}

/**
 * What a peer says to go on with its session. If not all that it kept can be sent again, it gives the session up (it names no token), and the
 * state machines above say again what they still want.
 */
export function helloOf(hello: Hello, kept: Kept): Hello {
  return kept.isWhole ? hello : { ...hello, token: NO_ID };
}

function withErrors(record: OutcomesRecord, store: PayloadStore, lost: Lost, errors: number[]): OutcomesRecord {
  const { keys, attempts } = record;
  const [flags, slots, lengths] = [[...record.flags], [...record.slots], [...record.lengths]];
  for (const [at, slot] of record.slots.entries()) {
    if (slot < 0 || !store.isLost(slot)) continue;
    const message = `a result cannot be told: ${WHERE_IT_WENT}`;
    const about = { function: '', worker: '', attempts: attempts[at] as number, stack: '', phase: '' };
    const bytes = encodeError({ code: 'bad-result', message, ...about });
    if (((flags[at] as number) & ENTRY.partEnd) === 0) lost.part?.(keys[at] as number);
    flags[at] = failureFlags('bad-result');
    slots[at] = store.put(bytes);
    lengths[at] = bytes.length;
    errors.push(slots[at]);
  }
  return { ...record, flags, slots, lengths };
}
