/** The one table of messages: every greeting, every kind of record, and records together. */
import type { Fields } from '../../src/protocol/fields.ts';
import type { Greeting } from '../../src/protocol/greetings.ts';
import { encodeBatch, encodeGreeting, type Envelope, NO_ID, type WireRecord } from '../../src/protocol/messages.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { parted } from './behind.ts';

export interface BatchCase {
  readonly name: string;
  readonly envelope: Envelope;
  /** The payloads of the batch, in their order. */
  readonly payloads: readonly Uint8Array[];
  /** The records, given where the payloads are. */
  readonly records: (slots: readonly number[]) => readonly WireRecord[];
}

export interface GreetingCase {
  readonly name: string;
  readonly greeting: Greeting;
}

const EPOCH = '0123456789abcdef';
const TOKEN = 'fedcba9876543210';
export const CONTROL: Envelope = { lane: 'control', epoch: EPOCH, session: 7, token: TOKEN, seq: 1, ack: 300, reportsAck: 0 };
const REPORTS: Envelope = { ...CONTROL, lane: 'reports', seq: 2 ** 31, ack: 2 ** 32 };
const PUSH: Envelope = { lane: 'push', epoch: EPOCH, session: 0, token: NO_ID, seq: 0, ack: 0, reportsAck: 0 };
const MOST = Number.MAX_SAFE_INTEGER;

/** Fields that this version does not know: one is MessagePack, one is nothing at all. */
export const UNKNOWN: Fields = [
  ['from-the-future', Buffer.from('93010203', 'hex')],
  ['', Buffer.from('c1c7ff', 'hex')],
];

export function bytes(text: string): Uint8Array {
  return Buffer.from(text);
}

export const GREETINGS: readonly GreetingCase[] = [
  {
    name: 'hello of a client',
    greeting: {
      type: 'hello',
      role: 'client',
      name: '',
      epoch: NO_ID,
      session: 0,
      token: NO_ID,
      seen: 0,
      functions: [],
      slots: 0,
      fields: [],
    },
  },
  {
    name: 'hello of a worker that comes back',
    greeting: {
      type: 'hello',
      role: 'worker',
      name: 'würker \u{1f33e}',
      epoch: EPOCH,
      session: 129,
      token: TOKEN,
      seen: 16_384,
      functions: ['foo', '\ufeffbar', ''],
      slots: 4,
      fields: UNKNOWN,
    },
  },
  {
    name: 'welcome',
    greeting: {
      type: 'welcome',
      master: 'mill',
      epoch: EPOCH,
      session: 1,
      token: TOKEN,
      seen: 127,
      reportsSeen: 128,
      resumed: true,
      pushAt: '5557',
      pullAt: '-pull',
      heartbeatMs: 2_500,
      maxMessageBytes: MOST,
      fields: UNKNOWN,
    },
  },
  { name: 'resync', greeting: { type: 'resync' } },
  { name: 'refused', greeting: { type: 'refused', code: 'functions', text: 'all workers serve the same' } },
];

export const BATCHES: readonly BatchCase[] = [
  { name: 'nothing but acknowledgements', envelope: { ...CONTROL, seq: 0, reportsAck: MOST }, payloads: [], records: () => [] },
  {
    name: 'open',
    envelope: CONTROL,
    payloads: [],
    records: () => [{ kind: 'open', stream: 1, id: 's-1', ordered: true, results: 4096, bytes: 2 ** 24, parent: 0, fields: UNKNOWN }],
  },
  {
    name: 'open without order, within a function',
    envelope: CONTROL,
    payloads: [],
    records: () => [{ kind: 'open', stream: MOST, id: '', ordered: false, results: 0, bytes: MOST, parent: 77, fields: [] }],
  },
  {
    name: 'jobs for one function',
    envelope: CONTROL,
    payloads: [bytes('one'), bytes('')],
    records: (slots) => [{ kind: 'jobs', stream: 1, first: 0, functions: ['foo'], which: [], fields: [], slots, lengths: [3, 0] }],
  },
  {
    name: 'jobs for several functions, with fields',
    envelope: CONTROL,
    payloads: [bytes('a'), bytes('bc')],
    records: (slots) => [
      { kind: 'jobs', stream: 2, first: MOST - 2, functions: ['foo', 'bar'], which: [1, 0], fields: [[], UNKNOWN], slots, lengths: [1, 2] },
    ],
  },
  { name: 'end', envelope: CONTROL, payloads: [], records: () => [{ kind: 'end', stream: 1, jobs: 2 ** 40 }] },
  { name: 'credit', envelope: CONTROL, payloads: [], records: () => [{ kind: 'credit', stream: 1, results: 8192, bytes: 2 ** 33 }] },
  { name: 'cancel a stream', envelope: CONTROL, payloads: [], records: () => [{ kind: 'cancel', stream: 1, job: -1 }] },
  { name: 'cancel a job', envelope: CONTROL, payloads: [], records: () => [{ kind: 'cancel', stream: 1, job: 0 }] },
  { name: 'window', envelope: CONTROL, payloads: [], records: () => [{ kind: 'window', stream: 1, jobs: 2048, bytes: 65_536 }] },
  {
    name: 'results, ends and an error',
    envelope: CONTROL,
    payloads: [bytes('r0'), bytes(''), bytes('oh')],
    records: ([first = 0, second = 0, third = 0]) => [
      {
        kind: 'results',
        stream: 1,
        jobs: [0, 0, 0, 1, 2],
        parts: [0, 0, 1, 0, 300],
        indexes: [0, 1, 3, 0, 0],
        flags: [1, 3, 2, 12, 4],
        slots: [first, second, -1, third, -1],
        lengths: [2, 0, 0, 2, 0],
      },
    ],
  },
  {
    name: 'notice',
    envelope: CONTROL,
    payloads: [],
    records: () => [{ kind: 'notice', stream: 1, text: '10 jobs wait: no worker serves foo' }],
  },
  {
    name: 'giveUp',
    envelope: CONTROL,
    payloads: [],
    records: () => [{ kind: 'giveUp', stream: 1, text: 'jobs came without credit' }],
  },
  {
    name: 'parts by lease',
    envelope: CONTROL,
    payloads: [bytes('p0'), bytes('p1')],
    records: (slots) => [
      {
        kind: 'parts',
        stream: 9,
        id: 's-9',
        client: 'c',
        function: 'foo',
        fields: UNKNOWN,
        keys: [1, 2],
        attempts: [0, 3],
        jobs: [5, 5],
        parts: [0, 1],
        grants: [1, 0],
        bytes: [MOST, 0],
        partFields: [UNKNOWN, []],
        allocations: [Buffer.from('cores'), Buffer.from('')],
        slots,
        lengths: [2, 2],
      },
    ],
  },
  {
    name: 'parts by push',
    envelope: PUSH,
    payloads: [bytes('p')],
    records: (slots) => [
      {
        kind: 'parts',
        stream: 9,
        id: 's-9',
        client: '',
        function: 'foo',
        fields: [],
        keys: [2 ** 35],
        attempts: [1],
        jobs: [0],
        parts: [0],
        grants: [1],
        bytes: [1024],
        partFields: [],
        allocations: [],
        slots,
        lengths: [1],
      },
    ],
  },
  { name: 'revoke', envelope: CONTROL, payloads: [], records: () => [{ kind: 'revoke', keys: [1, 200, 70_000] }] },
  { name: 'abort', envelope: CONTROL, payloads: [], records: () => [{ kind: 'abort', keys: [] }] },
  { name: 'grant', envelope: CONTROL, payloads: [], records: () => [{ kind: 'grant', keys: [1, 2], results: [8, 0], bytes: [0, MOST] }] },
  { name: 'accepted', envelope: REPORTS, payloads: [], records: () => [{ kind: 'accepted', keys: [1, 2], attempts: [0, 5] }] },
  {
    name: 'outcomes',
    envelope: REPORTS,
    payloads: [bytes('x'), bytes('e')],
    records: ([first = 0, second = 0]) => [
      {
        kind: 'outcomes',
        keys: [1, 1, 2],
        attempts: [0, 0, 1],
        indexes: [0, 1, 0],
        flags: [1, 2, 10],
        busyMicros: 1_234_567,
        slots: [first, -1, second],
        lengths: [1, 0, 1],
      },
    ],
  },
  { name: 'returned', envelope: REPORTS, payloads: [], records: () => [{ kind: 'returned', keys: [3], attempts: [2] }] },
  { name: 'hungry', envelope: REPORTS, payloads: [], records: () => [{ kind: 'hungry', keys: [3, 4], bytes: [0, 4096] }] },
  { name: 'lent', envelope: REPORTS, payloads: [], records: () => [{ kind: 'lent', count: 2 }] },
  { name: 'leaving', envelope: REPORTS, payloads: [], records: () => [{ kind: 'leaving' }] },
  { name: 'pullLost', envelope: REPORTS, payloads: [], records: () => [{ kind: 'pullLost' }] },
  {
    name: 'call to set',
    envelope: CONTROL,
    payloads: [bytes('value')],
    records: ([slot = 0]) => [{ kind: 'call', id: 1, operation: 'set', key: 'k', slot, length: 5 }],
  },
  {
    name: 'call to get',
    envelope: CONTROL,
    payloads: [],
    records: () => [{ kind: 'call', id: 2, operation: 'get', key: '\ufeffké', slot: -1, length: 0 }],
  },
  {
    name: 'reply with a value',
    envelope: CONTROL,
    payloads: [bytes('')],
    records: ([slot = 0]) => [{ kind: 'reply', id: 1, outcome: 'done', text: '', slot, length: 0 }],
  },
  {
    name: 'reply without',
    envelope: CONTROL,
    payloads: [],
    records: () => [{ kind: 'reply', id: 2, outcome: 'refused', text: 'too large', slot: -1, length: 0 }],
  },
  { name: 'goodbye', envelope: CONTROL, payloads: [], records: () => [{ kind: 'goodbye' }] },
  {
    name: 'records together',
    envelope: CONTROL,
    payloads: [bytes('job'), bytes('set')],
    records: ([first = 0, second = 0]) => [
      { kind: 'open', stream: 1, id: 's', ordered: false, results: 1, bytes: 1, parent: 0, fields: [] },
      { kind: 'jobs', stream: 1, first: 0, functions: ['f'], which: [], fields: [], slots: [first], lengths: [3] },
      { kind: 'call', id: 1, operation: 'set', key: 'k', slot: second, length: 3 },
      { kind: 'end', stream: 1, jobs: 1 },
      { kind: 'goodbye' },
    ],
  },
];

/** The frames of a batch. */
export function framesOf(batch: BatchCase): Buffer[] {
  return apart(sentFrames(batch));
}

/** As it is sent: small payloads may stand in the header's frame. */
export function sentFrames(batch: BatchCase): Buffer[] {
  const store = new PayloadStore();
  const slots = batch.payloads.map((payload) => store.put(payload));
  return encodeBatch(batch.envelope, batch.records(slots), store).map((frame) => Buffer.from(frame));
}

/** The message with its few small payloads in a frame of their own, if they stand in the header's; both forms mean the same. */
export function apart(frames: readonly Uint8Array[]): Buffer[] {
  const [first, ...others] = frames.map((frame) => Buffer.from(frame)) as [Buffer, ...Buffer[]];
  if ((first[2] ?? 0) < 8) return [first, ...others];
  const [header, packed] = parted(first);
  return [Buffer.from(header.with(2, (header[2] as number) - 3)), Buffer.from(packed), ...others];
}

/** Every message of the table as frames. */
export function allMessages(): { name: string; frames: Buffer[] }[] {
  const greetings = GREETINGS.map(({ name, greeting }) => ({ name, frames: encodeGreeting(greeting).map((frame) => Buffer.from(frame)) }));
  return [...greetings, ...BATCHES.map((batch) => ({ name: batch.name, frames: framesOf(batch) }))];
}
