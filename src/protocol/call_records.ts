/**
 * Records of calls to the master itself: its cache and its status. At most MAX_CALLS of a peer are unanswered at a time.
 *
 *     call     up    id operation key payload?
 *     reply    down  id outcome text payload?
 *     goodbye  up    this session ends; nothing follows
 */
import { Malformed } from './bytes.ts';
import { readPayloads, writePayloads } from './columns.ts';
import type { Codec } from './stream_records.ts';

/** Unanswered calls that a peer may have. */
export const MAX_CALLS = 64;

const OPERATIONS = ['get', 'set', 'delete', 'status'] as const;
export type Operation = (typeof OPERATIONS)[number];

export interface CallRecord {
  readonly kind: 'call';
  readonly id: number;
  readonly operation: Operation;
  readonly key: string;
  /** The value of a `set`; -1 for the others. */
  readonly slot: number;
  readonly length: number;
}

/** `done` carries what was asked for; `none` says that the key was not there; `refused` says why in `text`. */
const REPLIES = ['done', 'none', 'refused'] as const;
export type Reply = (typeof REPLIES)[number];

export interface ReplyRecord {
  readonly kind: 'reply';
  readonly id: number;
  readonly outcome: Reply;
  readonly text: string;
  readonly slot: number;
  readonly length: number;
}

export interface GoodbyeRecord {
  readonly kind: 'goodbye';
}

export const callCodec: Codec<CallRecord> = {
  code: 32,
  write(sink, r) {
    sink.header.int(r.id);
    sink.header.u8(OPERATIONS.indexOf(r.operation));
    sink.header.string(r.key);
    writePayloads(sink, [r.slot]);
  },
  read(source) {
    const id = source.header.int();
    const operation = OPERATIONS[source.header.choice(OPERATIONS.length, 'operation')] as Operation;
    const key = source.header.string();
    const { slots, lengths } = readPayloads(source);
    if (slots.length !== 1 || (slots[0] as number) >= 0 !== (operation === 'set')) throw new Malformed('a call and its value disagree');
    return { kind: 'call', id, operation, key, slot: slots[0] as number, length: lengths[0] as number };
  },
};

export const replyCodec: Codec<ReplyRecord> = {
  code: 33,
  write(sink, r) {
    sink.header.int(r.id);
    sink.header.u8(REPLIES.indexOf(r.outcome));
    sink.header.string(r.text);
    writePayloads(sink, [r.slot]);
  },
  read(source) {
    const id = source.header.int();
    const outcome = REPLIES[source.header.choice(REPLIES.length, 'outcome')] as Reply;
    const text = source.header.string();
    const { slots, lengths } = readPayloads(source);
    if (slots.length !== 1 || ((slots[0] as number) >= 0 && outcome !== 'done')) throw new Malformed('a reply and its value disagree');
    return { kind: 'reply', id, outcome, text, slot: slots[0] as number, length: lengths[0] as number };
  },
};

export const goodbyeCodec: Codec<GoodbyeRecord> = {
  code: 34,
  write: () => undefined,
  read: () => ({ kind: 'goodbye' }),
};
