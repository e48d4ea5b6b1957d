/**
 * Whole messages. Every message begins with
 *
 *     'G' version:u8 type:u8
 *
 * A batch, the message that carries everything once a session stands, goes on with
 *
 *     epoch:8 session:int token:8 seq:int ack:int reportsAck:int  { code:u8 record }*
 *
 * and its payloads lie in the frames behind (payloads.ts). Types: 1 hello, 2 welcome, 3 resync, 4 refused (greetings.ts),
 * 5 batch on the control lane, 6 batch of a worker's reports, 7 batch by PUSH (no session: whoever gets it reports it); 8, 9 and 10 are
 * the same with a few small payloads behind the records, in the same frame, and their length in its last two bytes (a frame more costs
 * as much as a small message).
 */
import { Malformed, Reader } from './bytes.ts';
import { Writer } from './writer.ts';
import * as calls from './call_records.ts';
import type { Sink, Source } from './columns.ts';
import { type Greeting, readGreeting, writeGreeting } from './greetings.ts';
import * as parts from './part_records.ts';
import { FrameReader, FrameWriter, inlined, inlineReader } from './frames.ts';
import type { PayloadStore } from './payloads.ts';
import * as streams from './stream_records.ts';

/** @internal */
export const MAGIC = 0x47;
export const VERSION = 1;

export type WireRecord =
  | streams.OpenRecord
  | streams.JobsRecord
  | streams.EndRecord
  | streams.CreditRecord
  | streams.CancelRecord
  | streams.WindowRecord
  | streams.ResultsRecord
  | streams.NoticeRecord
  | streams.GiveUpRecord
  | parts.PartsRecord
  | parts.RevokeRecord
  | parts.AbortRecord
  | parts.GrantRecord
  | parts.AcceptedRecord
  | parts.OutcomesRecord
  | parts.ReturnedRecord
  | parts.HungryRecord
  | parts.LentRecord
  | parts.LeavingRecord
  | parts.PullLostRecord
  | calls.CallRecord
  | calls.ReplyRecord
  | calls.GoodbyeRecord;

/** Every kind of record and its codec: the one list. */
const CODECS: { readonly [K in WireRecord['kind']]: streams.Codec<Extract<WireRecord, { kind: K }>> } = {
  open: streams.openCodec,
  jobs: streams.jobsCodec,
  end: streams.endCodec,
  credit: streams.creditCodec,
  cancel: streams.cancelCodec,
  window: streams.windowCodec,
  results: streams.resultsCodec,
  notice: streams.noticeCodec,
  giveUp: streams.giveUpCodec,
  parts: parts.partsCodec,
  revoke: parts.revokeCodec,
  abort: parts.abortCodec,
  grant: parts.grantCodec,
  accepted: parts.acceptedCodec,
  outcomes: parts.outcomesCodec,
  returned: parts.returnedCodec,
  hungry: parts.hungryCodec,
  lent: parts.lentCodec,
  leaving: parts.leavingCodec,
  pullLost: parts.pullLostCodec,
  call: calls.callCodec,
  reply: calls.replyCodec,
  goodbye: calls.goodbyeCodec,
};

const BY_CODE = new Map<number, streams.Codec<WireRecord>>(
  Object.values(CODECS).map((codec) => [codec.code, codec as streams.Codec<WireRecord>]),
);

/** @internal */
export const LANES = ['control', 'reports', 'push'] as const;
export type Lane = (typeof LANES)[number];

/** Whose batch it is, and where it stands in its lane. */
export interface Envelope {
  readonly lane: Lane;
  /** The master's life. */
  readonly epoch: string;
  /** The master's number for the session, and the secret that goes with it. Both empty on the push lane. */
  readonly session: number;
  readonly token: string;
  /** From 1 in each lane and direction; 0: carries nothing but acknowledgements. */
  readonly seq: number;
  /** All batches up to this one have come, on the control lane and (said by the master) on the reports lane. */
  readonly ack: number;
  readonly reportsAck: number;
}

export interface Batch {
  readonly type: 'batch';
  readonly envelope: Envelope;
  readonly records: readonly WireRecord[];
}

export type Message = Batch | Greeting;

/** A message that is not ours, and why. `version` is set where it is only another version's. */
export interface Rejected {
  readonly type: 'rejected';
  readonly reason: string;
  readonly version?: number;
}

export const NO_ID = '0000000000000000';

/** Writes a batch; payloads are taken from the store by slot, and stay there. */
export function encodeBatch(envelope: Envelope, records: readonly WireRecord[], store: PayloadStore): Uint8Array[] {
  const header = new Writer();
  const lane = LANES.indexOf(envelope.lane);
  header.u8(MAGIC);
  header.u8(VERSION);
  header.u8(5 + lane);
  header.id(envelope.epoch);
  header.int(envelope.session);
  header.id(envelope.token);
  header.int(envelope.seq);
  header.int(envelope.ack);
  header.int(envelope.reportsAck);
  const frames = new FrameWriter(store);
  const sink: Sink = { header, frames, store };
  for (const record of records) {
    const codec = CODECS[record.kind] as streams.Codec<WireRecord>;
    header.u8(codec.code);
    codec.write(sink, record);
  }
  if (frames.inline(header)) header.patch(2, 8 + lane);
  return frames.done(header);
}

export function encodeGreeting(greeting: Greeting): Uint8Array[] {
  const header = new Writer();
  header.u8(MAGIC);
  header.u8(VERSION);
  writeGreeting(header, greeting);
  return [header.done()];
}

/**
 * Reads a message. Payloads are put into the store, and the records name their slots; a rejected message leaves nothing there.
 * Never throws for what a peer sent.
 */
export function decode(frames: readonly Uint8Array[], store: PayloadStore): Message | Rejected {
  try {
    const first = frames[0];
    if (first === undefined || first.length < 3) return { type: 'rejected', reason: 'it is too short' };
    if (first[0] !== MAGIC) return { type: 'rejected', reason: 'it does not begin like a message of ours' };
    if (first[1] !== VERSION)
      return { type: 'rejected', reason: `its version is ${first[1]}, ours is ${VERSION}`, version: first[1] as number };
    const type = first[2] as number;
    if (type >= 1 && type <= 4) return readGreeting(type, new Reader(first, 3), frames.length);
    if (type >= 5 && type <= 7) {
      return readBatch(LANES[type - 5] as Lane, new Reader(first, 3), new FrameReader(frames.slice(1), store.join), store);
    }
    if (type >= 8 && type <= 10 && frames.length === 1) {
      const { start, end } = inlined(first);
      return readBatch(LANES[type - 8] as Lane, new Reader(first, 3, start), inlineReader(first, start, end), store);
    }
    return { type: 'rejected', reason: `its type ${type} is unknown` };
  } catch (error) {
    if (error instanceof Malformed) return { type: 'rejected', reason: error.message };
    throw error;
  }
}

function readBatch(lane: Lane, header: Reader, frames: FrameReader, store: PayloadStore): Batch {
  const envelope: Envelope = {
    lane,
    epoch: header.id(),
    session: header.int(),
    token: header.id(),
    seq: header.int(),
    ack: header.int(),
    reportsAck: header.int(),
  };
  const source: Source = { header, frames, base: store.nextBase() };
  let records: WireRecord[] = [];
  while (header.left > 0) {
    const code = header.u8();
    const codec = BY_CODE.get(code);
    if (codec === undefined) throw unknown(code);
    if (records.length === 0) records = [codec.read(source)];
    else records.push(codec.read(source));
  }
  store.add(frames.done());
  return { type: 'batch', envelope, records };
}

function unknown(code: number): Malformed {
  return new Malformed(`its record ${code} is unknown`);
}

/** The slots that a record brings or sends. */
export function slotsOf(record: WireRecord): readonly number[] {
  switch (record.kind) {
    case 'jobs':
    case 'results':
    case 'parts':
    case 'outcomes':
      return record.slots;
    case 'call':
    case 'reply':
      return [record.slot];
    default:
      return [];
  }
}
