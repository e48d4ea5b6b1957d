import { describe, expect, it } from 'vitest';
import { encodeLeft } from '../../src/protocol/lost_bytes.ts';
import { decode, encodeBatch, NO_ID, type WireRecord } from '../../src/protocol/messages.ts';
import { codeOf, failureFlags } from '../../src/protocol/part_records.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { decodeError } from '../../src/protocol/remote_error.ts';
import { ENTRY, type JobsRecord } from '../../src/protocol/stream_records.ts';

const ENVELOPE = { lane: 'control', epoch: NO_ID, session: 1, token: NO_ID, seq: 1, ack: 0, reportsAck: 0 } as const;

/** As newer libraries of types know it. */
const Resizable = ArrayBuffer as unknown as new (
  bytes: number,
  options: { readonly maxByteLength: number },
) => ArrayBuffer & { resize(bytes: number): void };

class Sender {
  readonly store = new PayloadStore();
  readonly lost: [what: string, ...numbers: number[]][] = [];
  readonly failed = new Set<number>();

  send(...records: WireRecord[]): { records: readonly WireRecord[]; store: PayloadStore } {
    const frames = encodeLeft(ENVELOPE, records, this.store, {
      job: (stream, job) => void this.lost.push(['job', stream, job]),
      part: (key, attempt, untold) => void this.lost.push([untold ? 'end' : 'part', key, attempt]),
      failed: this.failed,
    });
    const store = new PayloadStore();
    const message = decode(
      frames.map((frame) => Buffer.from(frame)),
      store,
    );
    if (message.type !== 'batch') throw new Error(`it is read as ${message.type}`);
    return { records: message.records, store };
  }

  jobs(stream: number, first: number, payloads: readonly Uint8Array[]): JobsRecord {
    const slots = payloads.map((payload) => this.store.put(payload));
    const lengths = payloads.map(({ length }) => length);
    return { kind: 'jobs', stream, first, functions: ['foo'], which: [], fields: [], slots, lengths };
  }
}

function transferred(bytes: Uint8Array): void {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
}

describe('a message of which a payload is lost', () => {
  it('is one of which memory was cut short, too', () => {
    const sender = new Sender();
    const memory = new Resizable(3_000_000, { maxByteLength: 3_000_000 });
    const bytes = new Uint8Array(memory);
    const [lossy, last] = [sender.jobs(1, 0, [bytes]), sender.jobs(2, 0, [Buffer.from('a')])];
    memory.resize(1_500_000);
    expect(sender.send(lossy, last).records.map((record) => record.kind === 'jobs' && record.stream)).toEqual([2]);
    expect(sender.lost).toEqual([['job', 1, 0]]);
  });

  it.each([9, 16_384, 16_385, 3_000_000])('goes without the record that has it: %i bytes', (size) => {
    const sender = new Sender();
    const bytes = new Uint8Array(size);
    const [first, lossy, last] = [
      sender.jobs(1, 0, [Buffer.from('a'), new Uint8Array(70_000)]),
      sender.jobs(2, 5, [Buffer.from('b'), bytes, Buffer.from('c')]),
      sender.jobs(3, 0, [Buffer.from('d')]),
    ];
    transferred(bytes);
    expect(() => encodeBatch(ENVELOPE, [first, lossy, last], sender.store)).toThrow(/was transferred elsewhere, but it is to be sent/u);
    const { records, store } = sender.send(first, lossy, last);
    expect(records.map((record) => record.kind === 'jobs' && [record.stream, record.lengths])).toEqual([
      [1, [1, 70_000]],
      [3, [1]],
    ]);
    expect(records.flatMap((record) => (record.kind === 'jobs' ? record.slots : [])).map((slot) => store.joined(slot).length)).toEqual([
      1, 70_000, 1,
    ]);
    expect(sender.lost).toEqual([['job', 2, 6]]);
    for (const slot of [...first.slots, ...lossy.slots, ...last.slots]) sender.store.release(slot);
    expect([sender.store.count, sender.store.bytes]).toEqual([0, 0]);
  });

  it('says of a result that it is an error, and which parts have failed', () => {
    const sender = new Sender();
    const [whole, gone, last, ending] = [Buffer.from('whole'), ...[0, 1, 2].map(() => new Uint8Array(100_000))] as [
      Buffer,
      ...Uint8Array<ArrayBuffer>[],
    ];
    const given = [whole, gone, last, ending] as Uint8Array[];
    const slots = [...given.map((payload) => sender.store.put(payload)), -1];
    for (const bytes of given.slice(1)) transferred(bytes);
    const { records, store } = sender.send({
      kind: 'outcomes',
      keys: [1, 2, 3, 4, 4],
      attempts: [1, 4, 1, 1, 1],
      indexes: [0, 7, 0, 0, 1],
      flags: [ENTRY.result | ENTRY.partEnd, ENTRY.result, ENTRY.result | ENTRY.partEnd, ENTRY.result, ENTRY.partEnd],
      busyMicros: 9,
      slots,
      lengths: [5, 100_000, 100_000, 100_000, 0],
    });
    const [record] = records;
    if (record?.kind !== 'outcomes') throw new Error('it is no outcomes');
    expect(record).toMatchObject({ keys: [1, 2, 3, 4], attempts: [1, 4, 1, 1], indexes: [0, 7, 0, 0], busyMicros: 9 });
    expect(store.joined(record.slots[0] as number).toString()).toBe('whole');
    expect(record.flags.slice(1).map((flags) => [flags & (ENTRY.error | ENTRY.partEnd), codeOf(flags)])).toEqual([
      [ENTRY.error, 'bad-result'],
      [ENTRY.error | ENTRY.partEnd, 'bad-result'],
      // Its end came behind it.
      [ENTRY.error | ENTRY.partEnd, 'bad-result'],
    ]);
    expect(decodeError(store.joined(record.slots[1] as number))).toMatchObject({
      code: 'bad-result',
      message: 'a result cannot be told: its memory was transferred elsewhere before it was sent',
      attempts: 4,
    });
    expect(sender.lost).toEqual([
      ['part', 2, 4],
      ['part', 3, 1],
      ['part', 4, 1],
    ]);
    expect(sender.store.count).toBe(4);
  });

  it('leaves out what comes behind a lost result of the same part, of which the newest attempt has failed', () => {
    const sender = new Sender();
    const [bytes, more] = [new Uint8Array(100_000), new Uint8Array(100_000)];
    const slots = [bytes, Buffer.from('b'), more, Buffer.from('other'), Buffer.from('d')].map((payload) => sender.store.put(payload));
    for (const each of [bytes, more]) transferred(each);
    const { records, store } = sender.send({
      kind: 'outcomes',
      keys: [1, 1, 1, 2, 1],
      attempts: [1, 2, 2, 1, 3],
      indexes: [4, 5, 6, 0, 7],
      flags: [ENTRY.result, ENTRY.result, ENTRY.result, ENTRY.result | ENTRY.partEnd, ENTRY.result],
      busyMicros: 9,
      slots,
      lengths: [100_000, 1, 100_000, 5, 1],
    });
    expect(records[0]).toMatchObject({ keys: [1, 2], attempts: [3, 1], indexes: [4, 0] });
    const [record] = records;
    if (record?.kind !== 'outcomes') throw new Error('it is no outcomes');
    expect(record.flags.map((flags) => flags & (ENTRY.error | ENTRY.partEnd))).toEqual([ENTRY.error, ENTRY.partEnd]);
    expect(decodeError(store.joined(record.slots[0] as number))).toMatchObject({ code: 'bad-result', attempts: 3 });
    expect(store.joined(record.slots[1] as number).toString()).toBe('other');
    expect(sender.lost).toEqual([['part', 1, 3]]);
  });

  it('leaves that out of messages, too, that were made before it was known; and tells of ends in them', () => {
    const sender = new Sender();
    const bytes = new Uint8Array(100_000);
    const slots = [bytes, Buffer.from('b'), Buffer.from('c'), Buffer.from('other')].map((payload) => sender.store.put(payload));
    transferred(bytes);
    const [first, second, third, other] = slots.map((slot) => [slot]) as [number[], number[], number[], number[]];
    const outcome = (key: number, attempt: number, flags: number, slot: number[], length: number): WireRecord => ({
      kind: 'outcomes',
      keys: [key],
      attempts: [attempt],
      indexes: [0],
      flags: [flags],
      busyMicros: 0,
      slots: slot,
      lengths: [length],
    });
    sender.send(outcome(1, 1, ENTRY.result, first, 100_000));
    const behind = sender.send(outcome(1, 1, ENTRY.result, second, 1), outcome(2, 1, ENTRY.result | ENTRY.partEnd, other, 5)).records;
    expect(behind.map((record) => record.kind === 'outcomes' && record.keys)).toEqual([[], [2]]);
    expect(sender.lost).toEqual([['part', 1, 1]]);
    sender.send(outcome(1, 2, ENTRY.result | ENTRY.partEnd, third, 1));
    expect(sender.lost).toEqual([
      ['part', 1, 1],
      ['end', 1, 2],
    ]);
    sender.failed.clear();
    const [last] = sender.send(outcome(1, 3, ENTRY.result | ENTRY.partEnd, third, 1)).records;
    expect(last).toMatchObject({ keys: [1], attempts: [3], flags: [ENTRY.result | ENTRY.partEnd] });
  });

  it('does not say that a part has ended whose time was over', () => {
    const sender = new Sender();
    const bytes = new Uint8Array(100_000);
    const slots = [bytes, Buffer.from('{}')].map((payload) => sender.store.put(payload));
    transferred(bytes);
    const { records } = sender.send({
      kind: 'outcomes',
      keys: [1, 1],
      attempts: [1, 1],
      indexes: [0, 1],
      flags: [ENTRY.result, failureFlags('timed-out')],
      busyMicros: 0,
      slots,
      lengths: [100_000, 2],
    });
    const [record] = records;
    if (record?.kind !== 'outcomes') throw new Error('it is no outcomes');
    expect(record.keys).toEqual([1]);
    expect(record.flags.map((flags) => [flags & (ENTRY.error | ENTRY.partEnd), codeOf(flags)])).toEqual([[ENTRY.error, 'bad-result']]);
  });
});
