import { describe, expect, it } from 'vitest';
import { ENTRY, ENTRY_SPAN } from '../../src/protocol/stream_records.ts';
import { JOB_ERROR_CODES, encodeError } from '../../src/protocol/remote_error.ts';
import {
  type Batch,
  decode,
  encodeBatch,
  encodeGreeting,
  type Rejected,
  slotsOf,
  VERSION,
  type WireRecord,
} from '../../src/protocol/messages.ts';
import { FRAME_SPAN, PayloadStore } from '../../src/protocol/payloads.ts';
import { allMessages, apart, BATCHES, bytes, CONTROL, framesOf, GREETINGS, UNKNOWN } from './cases.ts';
import { golden } from './golden.ts';

const MESSAGES = allMessages();

function rejection(frames: readonly Uint8Array[]): Rejected {
  const store = new PayloadStore();
  const base = store.nextBase();
  const message = decode(frames, store);
  expect(message.type).toBe('rejected');
  expect([store.count, store.bytes, store.nextBase()]).toEqual([0, 0, base]);
  expect((message as Rejected).reason).not.toBe('');
  return message as Rejected;
}

function expectFirstRecords(message: Batch, whole: Batch): void {
  expect(message).toEqual({ ...whole, records: whole.records.slice(0, message.records.length) });
}

/** A batch of records that may be wrong, with these payloads from slot 0 on. */
function batchOf(records: readonly WireRecord[], payloads: readonly Uint8Array[] = []): Uint8Array[] {
  const store = new PayloadStore();
  for (const payload of payloads) store.put(payload);
  return apart(encodeBatch(CONTROL, records, store));
}

/** Bytes as the only records of a batch. */
function rawRecord(...record: number[]): Uint8Array[] {
  return [Buffer.concat([batchOf([])[0] as Uint8Array, Buffer.from(record)])];
}

describe('the wire, message by message', () => {
  it('is what it was, byte by byte', () => {
    const lines = MESSAGES.map(({ name, frames }) => `${name}\n${frames.map((frame) => `  ${frame.toString('hex')}\n`).join('')}`);
    const text = `version ${VERSION}; each message with its frames in hexadecimal\n\n${lines.join('')}`;
    expect(text).toBe(golden('golden.txt', text));
  });

  it('has every kind of record and greeting in its table', () => {
    const kinds = new Set(BATCHES.flatMap((batch) => batch.records([0, 1, 2])).map((record) => record.kind));
    expect(kinds.size).toBe(23);
    expect(new Set(GREETINGS.map(({ greeting }) => greeting.type)).size).toBe(4);
  });

  it.each(GREETINGS)('$name goes there and back', ({ greeting }) => {
    const frames = encodeGreeting(greeting);
    expect(decode(frames, new PayloadStore())).toEqual(greeting);
    expect(encodeGreeting(decode(frames, new PayloadStore()) as typeof greeting)).toEqual(frames);
  });

  it.each(BATCHES)('$name goes there and back, with its payloads', (batch) => {
    const store = new PayloadStore();
    store.add({ frames: [bytes('x')], at: [0], length: [1], needed: [1], live: 1 });
    const base = store.nextBase();
    const frames = framesOf(batch);
    const message = decode(frames, store);
    const slots = batch.payloads.map((_, i) => base + i);
    const records = batch.records(slots);
    expect(message).toEqual({ type: 'batch', envelope: batch.envelope, records });
    expect(slots.map((slot) => store.joined(slot).toString())).toEqual(batch.payloads.map((payload) => Buffer.from(payload).toString()));
    expect(records.flatMap(slotsOf).filter((slot) => slot >= 0)).toEqual(slots);
    expect(apart(encodeBatch(batch.envelope, records, store))).toEqual(frames);
    for (const slot of slots) store.release(slot);
    expect(store.count).toBe(1);
  });

  it('passes fields that it does not know from one record to another, byte for byte', () => {
    const message = decode(
      batchOf([{ kind: 'open', stream: 1, id: 's', ordered: true, results: 1, bytes: 1, parent: 0, fields: UNKNOWN }]),
      new PayloadStore(),
    );
    const [open] = message.type === 'batch' ? message.records : [];
    const { fields } = open as Extract<WireRecord, { kind: 'open' }>;
    const about = {
      stream: 1,
      id: 's',
      client: 'c',
      function: 'f',
      keys: [1],
      attempts: [1],
      jobs: [0],
      parts: [0],
      grants: [1],
      bytes: [1],
    };
    const frames = batchOf(
      [{ kind: 'parts', ...about, fields, partFields: [fields], allocations: [], slots: [0], lengths: [1] }],
      [bytes('x')],
    );
    const passed = decode(frames, new PayloadStore());
    expect(passed.type === 'batch' && passed.records[0]).toMatchObject({ fields: UNKNOWN, partFields: [UNKNOWN] });
  });
});

describe('a few small payloads stand behind the records, in their frame', () => {
  const results = (lengths: readonly number[]): Uint8Array[] => {
    const store = new PayloadStore();
    const slots = lengths.map((length) => store.put(Buffer.alloc(length, 7)));
    const zeros = lengths.map(() => 0);
    const flags = lengths.map(() => ENTRY.result);
    return encodeBatch(CONTROL, [{ kind: 'results', stream: 1, jobs: zeros, parts: zeros, indexes: zeros, flags, slots, lengths }], store);
  };

  it.each([[[9]], [[0]], [[1_024]], [[500, 0, 524]]])('%j', (lengths) => {
    const frames = results(lengths);
    expect(frames).toHaveLength(1);
    const [frame] = frames as [Buffer];
    const bytes = lengths.reduce((sum, length) => sum + length, 0);
    expect([frame[2], frame.readUInt16LE(frame.length - 2)]).toEqual([8, bytes]);
    expect(frame.subarray(frame.length - 2 - bytes, -2)).toEqual(Buffer.alloc(bytes, 7));
    const store = new PayloadStore();
    expect(decode(frames, store)).toEqual(decode(apart(frames), new PayloadStore()));
    expect(lengths.map((length, i) => [length, store.joined(i).equals(Buffer.alloc(length, 7))])).toEqual(lengths.map((l) => [l, true]));
  });

  it.each([[[1_025]], [[500, 525]], [[20_000]], [[9, 20_000]]])('but not %j', (lengths) => {
    expect(results(lengths).length).toBeGreaterThan(1);
    expect((results(lengths)[0] as Uint8Array)[2]).toBe(5);
  });

  it('however long the records are: where offsets in a frame end, and far behind', () => {
    const sent = [Buffer.alloc(9, 1), Buffer.alloc(0), Buffer.alloc(50, 2)];
    const lengths = sent.map(({ length }) => length);
    const zeros = sent.map(() => 0);
    for (const room of [...Array.from({ length: 200 }, (_, i) => FRAME_SPAN - 190 + i), 2 * FRAME_SPAN, 3_000_000]) {
      const store = new PayloadStore();
      const note = { kind: 'notice', stream: 1, text: 'x'.repeat(room) } as const;
      const flags = zeros.map(() => ENTRY.result);
      const slots = sent.map((payload) => store.put(payload));
      const results = { kind: 'results', stream: 1, jobs: zeros, parts: zeros, indexes: zeros, flags, slots, lengths } as const;
      const frames = encodeBatch(CONTROL, [note, results], store);
      expect(frames).toHaveLength(1);
      const there = new PayloadStore();
      const message = decode(frames, there) as Batch;
      const came = slotsOf(message.records[1] as WireRecord);
      expect(came.map((slot) => there.joined(slot))).toEqual(sent);
      const again = encodeBatch(CONTROL, [note, { ...results, slots: came }], there);
      expect(Buffer.compare(again[0] as Buffer, frames[0] as Buffer)).toBe(0);
      for (const slot of came) there.release(slot);
      expect([there.count, there.bytes]).toEqual([0, 0]);
    }
  });

  it('any other length of them is rejected, as is a further frame', () => {
    const [frame] = results([9, 9]) as [Buffer];
    const withLength = (length: number): Buffer[] => {
      const changed = Buffer.from(frame);
      changed.writeUInt16LE(length, frame.length - 2);
      return [changed];
    };
    const taken = Array.from({ length: 0x1_0000 }, (_, length) => length).filter(
      (length) => decode(withLength(length), new PayloadStore()).type === 'batch',
    );
    expect(taken).toEqual([18]);
    for (let length = 0; length < frame.length; length += 1) rejection([frame.subarray(0, length)]);
    rejection([frame, Buffer.alloc(0)]);
    rejection([frame, frame]);
  });
});

describe('a message that is not ours is rejected with a reason', () => {
  it('no frames, no bytes, too few bytes', () => {
    for (const frames of [[], [Buffer.alloc(0)], [Buffer.from('G')], [Buffer.from([0x47, VERSION])]]) {
      expect(rejection(frames).reason).toBe('it is too short');
    }
  });

  it.each(MESSAGES)('$name, cut short anywhere in its header', ({ frames: [header = Buffer.alloc(0), ...payloads] }) => {
    const whole = decode([header, ...payloads], new PayloadStore());
    for (let length = 0; length < header.length; length += 1) {
      const frames = [header.subarray(0, length), ...payloads];
      const message = decode(frames, new PayloadStore());
      // A header may end behind any of its records. The transport delivers frames whole, so this does not happen by itself.
      if (message.type !== 'batch' || whole.type !== 'batch' || message.records.length >= whole.records.length) rejection(frames);
      else expectFirstRecords(message, whole);
    }
    expect(header.length).toBeGreaterThan(2);
  });

  it.each(MESSAGES)('$name, with payload frames missing, cut, grown, empty or too many', ({ frames }) => {
    for (let at = 1; at < frames.length; at += 1) {
      const frame = frames[at] as Buffer;
      rejection(frames.toSpliced(at, 1));
      for (let length = 0; length < frame.length; length += 1) rejection(frames.with(at, frame.subarray(0, length)));
      rejection(frames.with(at, Buffer.concat([frame, Buffer.from('x')])));
      rejection(frames.toSpliced(at, 0, frame));
    }
    expect(rejection([...frames, Buffer.alloc(0)]).type).toBe('rejected');
    rejection([...frames, Buffer.from('x')]);
    rejection([...frames, ...frames]);
  });

  it.each(MESSAGES)('$name, with bytes behind its end', ({ frames: [header = Buffer.alloc(0), ...payloads] }) => {
    const bodiless = (header[2] as number) >= 5 ? [25, 26, 34] : [];
    for (let byte = 0; byte < 256; byte += 1) {
      const longer = [Buffer.concat([header, Buffer.from([byte])]), ...payloads];
      expect([byte, decode(longer, new PayloadStore()).type]).toEqual([byte, bodiless.includes(byte) ? 'batch' : 'rejected']);
    }
  });

  it.each(MESSAGES)('$name, with another magic, version or type', ({ frames: [header = Buffer.alloc(0), ...payloads] }) => {
    const changed = (at: number, byte: number): Rejected => rejection([Buffer.from(header.with(at, byte)), ...payloads]);
    const others = (legal: (byte: number) => boolean): number[] =>
      Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !legal(byte));
    for (const byte of others((is) => is === 0x47)) expect(changed(0, byte).reason).toBe('it does not begin like a message of ours');
    for (const byte of others((is) => is === VERSION))
      expect(changed(1, byte)).toEqual({ type: 'rejected', reason: `its version is ${byte}, ours is 1`, version: byte });
    for (const byte of others((is) => is >= 1 && is <= 10)) expect(changed(2, byte).reason).toBe(`its type ${byte} is unknown`);
  });

  it('HTTP, and a greeting with a frame behind it', () => {
    rejection([Buffer.from('GET / HTTP/1.1\r\n\r\n')]);
    const [hello] = encodeGreeting({ type: 'resync' });
    expect(rejection([hello as Uint8Array, Buffer.alloc(0)]).reason).toBe('frames follow a greeting');
  });

  it('records, roles, refusals, operations, outcomes and switches that are unknown', () => {
    for (const code of [0, 10, 15, 27, 31, 35, 255]) expect(rejection(rawRecord(code)).reason).toBe(`its record ${code} is unknown`);
    expect(rejection([Buffer.from([0x47, 1, 1, 3])]).reason).toBe('role 3 is unknown');
    expect(rejection([Buffer.from([0x47, 1, 4, 5, 0])]).reason).toBe('refusal 5 is unknown');
    expect(rejection(rawRecord(32, 1, 4, 0, 1, 0)).reason).toBe('operation 4 is unknown');
    expect(rejection(rawRecord(33, 1, 3, 0, 1, 0)).reason).toBe('outcome 3 is unknown');
    expect(rejection(rawRecord(1, 1, 0, 2, 0, 0, 0, 0)).reason).toBe('order 2 is unknown');
  });

  it('a name that is not UTF-8', () => {
    expect(rejection(rawRecord(8, 1, 2, 0xc3, 0x28)).reason).toBe('a name is not UTF-8');
  });

  it('integers over 2^53, and longer than they need be', () => {
    const over = 'an integer is over 2^53';
    expect(rejection(rawRecord(24, 255, 255, 255, 255, 255, 255, 255, 127)).reason).toBe(over);
    expect(rejection(rawRecord(24, 128, 128, 128, 128, 128, 128, 128, 16)).reason).toBe(over);
    expect(rejection(rawRecord(24, 255, 255, 255, 255, 255, 255, 255, 255, 1)).reason).toBe(over);
    expect(rejection(rawRecord(24, 0x81, 0)).reason).toBe('an integer is longer than it need be');
    expect(decode(rawRecord(24, 255, 255, 255, 255, 255, 255, 255, 15), new PayloadStore())).toMatchObject({
      records: [{ count: Number.MAX_SAFE_INTEGER }],
    });
  });
});

describe('a record that contradicts itself is rejected', () => {
  const differ = 'columns differ in length';

  it.each([
    ['grant', { kind: 'grant', keys: [1, 2], results: [1], bytes: [1, 2] }],
    ['grant', { kind: 'grant', keys: [1, 2], results: [1, 2], bytes: [] }],
    ['accepted', { kind: 'accepted', keys: [1], attempts: [1, 2] }],
    ['hungry', { kind: 'hungry', keys: [], bytes: [1] }],
  ] satisfies [string, WireRecord][])('%s: columns of different lengths', (_, record) => {
    expect(rejection(batchOf([record])).reason).toBe(differ);
  });

  it('parts: each column shorter or longer than the payloads, or a part without one', () => {
    const about = { kind: 'parts', stream: 1, id: 's', client: 'c', function: 'f', fields: [], partFields: [], allocations: [] } as const;
    const columns = { keys: [1], attempts: [1], jobs: [0], parts: [0], grants: [1], bytes: [9] };
    const payload = { slots: [0], lengths: [1] };
    for (const name of Object.keys(columns)) {
      for (const column of [[], [1, 2]]) {
        expect(rejection(batchOf([{ ...about, ...columns, ...payload, [name]: column }], [bytes('x')])).reason).toBe(differ);
      }
    }
    expect(rejection(batchOf([{ ...about, ...columns, ...payload, partFields: [[], []] }], [bytes('x')])).reason).toBe(differ);
    const allocations = [bytes('a'), bytes('b')];
    expect(rejection(batchOf([{ ...about, ...columns, ...payload, allocations }], [bytes('x')])).reason).toBe(differ);
    expect(rejection(batchOf([{ ...about, ...columns, slots: [-1], lengths: [0] }])).reason).toBe('a part without a payload');
  });

  it('jobs: none, without a function or a payload, numbered over 2^53', () => {
    const jobs = { kind: 'jobs', stream: 1, first: 0, functions: ['f'], which: [], fields: [], slots: [0], lengths: [1] } as const;
    const reason = (record: WireRecord): string => rejection(batchOf([record], [bytes('x')])).reason;
    expect(reason({ ...jobs, slots: [], lengths: [] })).toBe('jobs without jobs');
    expect(reason({ ...jobs, first: Number.MAX_SAFE_INTEGER })).toBe('jobs without jobs');
    expect(reason({ ...jobs, functions: [] })).toBe('a job without a function');
    expect(reason({ ...jobs, which: [1] })).toBe('a job without a function');
    expect(reason({ ...jobs, which: [0, 0] })).toBe(differ);
    expect(reason({ ...jobs, fields: [[], []] })).toBe(differ);
    expect(reason({ ...jobs, slots: [-1], lengths: [0] })).toBe('a job without a payload');
  });

  it('calls and replies: a value where none belongs, or none where one does', () => {
    const call = { kind: 'call', id: 1, key: 'k' } as const;
    for (const operation of ['get', 'delete', 'status'] as const) {
      rejection(batchOf([{ ...call, operation, slot: 0, length: 1 }], [bytes('x')]));
    }
    expect(rejection(batchOf([{ ...call, operation: 'set', slot: -1, length: 0 }])).reason).toBe('a call and its value disagree');
    for (const outcome of ['none', 'refused'] as const) {
      const reply = { kind: 'reply', id: 1, outcome, text: '', slot: 0, length: 1 } as const;
      expect(rejection(batchOf([reply], [bytes('x')])).reason).toBe('a reply and its value disagree');
    }
    expect(rejection(rawRecord(33, 1, 0, 0, 2, 0, 0)).reason).toBe('a reply and its value disagree');
    expect(rejection(rawRecord(32, 1, 0, 0, 0)).reason).toBe('a call and its value disagree');
  });

  it('entries: flags that say nothing, too much, or something else than the payload', () => {
    const legalOf = (flags: number, payload: boolean, most: number): boolean => {
      const has = (flag: number): boolean => (flags & flag) !== 0;
      return flags > 0 && flags <= most && !(has(ENTRY.result) && has(ENTRY.error)) && (has(ENTRY.result) || has(ENTRY.error)) === payload;
    };
    for (let flags = 0; flags < 300; flags += 1) {
      for (const payload of [false, true]) {
        const columns = { flags: [flags], indexes: [0], slots: [payload ? 0 : -1], lengths: [payload ? 1 : 0] };
        const results = batchOf([{ kind: 'results', stream: 1, jobs: [0], parts: [0], ...columns }], [bytes('x')]);
        const outcomes = batchOf([{ kind: 'outcomes', keys: [0], attempts: [0], busyMicros: 0, ...columns }], [bytes('x')]);
        const attempts = legalOf(flags % ENTRY_SPAN, payload, 15);
        expect([flags, payload, decode(results, new PayloadStore()).type]).toEqual([flags, payload, attempts ? 'batch' : 'rejected']);
        const code = Math.floor(flags / ENTRY_SPAN);
        const coded = code === 0 || ((flags & ENTRY.error) !== 0 && code < JOB_ERROR_CODES.length);
        const ends = attempts && coded && (flags & ENTRY.jobEnd) === 0;
        expect([flags, payload, decode(outcomes, new PayloadStore()).type]).toEqual([flags, payload, ends ? 'batch' : 'rejected']);
      }
    }
  });

  it('a rejected batch leaves nothing behind, even if its first records were fine', () => {
    const good = batchOf([{ kind: 'call', id: 1, operation: 'set', key: 'k', slot: 0, length: 9 }], [encodeError(ERROR)]);
    expect(rejection([Buffer.concat([good[0] as Uint8Array, Buffer.from([99])]), ...good.slice(1)]).reason).toBe(
      'its record 99 is unknown',
    );
  });
});

const ERROR = { code: 'function-threw', message: 'm', function: 'f', worker: 'w', attempts: 1, stack: '', phase: '' } as const;
