/** A header is one frame, and the transport takes none of more than so many bytes: whatever users say besides payloads, batches are cut. */
import { describe, expect, it } from 'vitest';
import { Drafts } from '../../src/protocol/drafts.ts';
import { type Fields, fieldsBytes } from '../../src/protocol/fields.ts';
import { MAX_FIELDS_BYTES } from '../../src/protocol/limits.ts';
import { encodeBatch, type WireRecord } from '../../src/protocol/messages.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { Jobs } from '../../src/streams/jobs.ts';
import { addJob } from '../../src/streams/sending.ts';
import { readSettings } from '../../src/transport/zeromq_options.ts';
import { World } from '../master/world.ts';

const { maxFrameBytes } = readSettings({});
const ENVELOPE = { lane: 'control', epoch: 'e'.repeat(16), session: 1, token: '0'.repeat(16), seq: 1, ack: 0, reportsAck: 0 } as const;

/** Fields that count so many bytes. */
function fieldsOf(bytes: number, name = 'note'): Fields {
  const empty: Fields = [[name, new Uint8Array()]];
  return [[name, new Uint8Array(bytes - fieldsBytes(empty))]];
}

const most = fieldsOf(MAX_FIELDS_BYTES);

/** How long the headers of these batches are. */
function headers(batches: readonly (readonly WireRecord[])[]): number[] {
  const store = new PayloadStore();
  const slot = store.add({ frames: [Buffer.from('x')], at: [0], length: [1], needed: [1], live: 1 });
  return batches.map((records) => {
    const written = records.map((record) => ('slots' in record ? { ...record, slots: record.slots.map(() => slot) } : record));
    return (encodeBatch(ENVELOPE, written, store)[0] as Uint8Array).length;
  });
}

/** All that is sent of so many jobs of one stream. */
function batchesOf(count: number, nameOf: (job: number) => string, fields: Fields): (readonly WireRecord[])[] {
  const jobs = new Jobs();
  const drafts = new Drafts();
  for (let job = 0; job < count; job += 1) {
    jobs.add(0, 1, 0, fields);
    addJob(drafts, 1, nameOf(job), jobs, job);
  }
  return [...drafts.take()];
}

function counted(batches: readonly (readonly WireRecord[])[]): number {
  return batches.flat().reduce((sum, record) => sum + ('slots' in record ? record.slots.length : 1), 0);
}

describe('no header of a client is longer than a frame may be', () => {
  const long = (job: number): string => String(job).padEnd(341, '€');
  it.each([
    ['jobs with the longest fields', 100, () => 'foo', most],
    ['jobs with long fields', 1_000, () => 'foo', fieldsOf(20_000)],
    ['jobs with short fields', 8_192, () => 'foo', fieldsOf(80)],
    ['jobs for functions with the longest names', 8_192, long, []],
    ['both', 300, long, fieldsOf(100_000)],
    ['jobs with one field of a long name', 100, () => 'foo', fieldsOf(MAX_FIELDS_BYTES, '€'.repeat(80_000))],
  ])('%s', (_, count, nameOf, fields) => {
    const batches = batchesOf(count, nameOf, fields);
    expect(counted(batches)).toBe(count);
    expect(Math.max(...headers(batches))).toBeLessThanOrEqual(maxFrameBytes);
  });

  it('streams with the longest fields', () => {
    const drafts = new Drafts();
    const about = { ordered: false, results: 1, bytes: 1, parent: 0 };
    for (let stream = 1; stream <= 200; stream += 1) drafts.add({ kind: 'open', stream, id: `s/${stream}`, ...about, fields: most });
    const batches = drafts.take();
    expect(counted(batches)).toBe(200);
    expect(Math.max(...headers(batches))).toBeLessThanOrEqual(maxFrameBytes);
  });

  it('nor of a master: what it says of thousands of streams that wait for a function with the longest name', () => {
    const drafts = new Drafts();
    const text = `4200 jobs wait: no worker serves ${'€'.repeat(341)}`;
    for (let stream = 1; stream <= 4_200; stream += 1) drafts.add({ kind: 'notice', stream, text });
    for (let stream = 1; stream <= 4_200; stream += 1) drafts.add({ kind: 'giveUp', stream, text });
    for (let id = 1; id <= 4_200; id += 1) drafts.add({ kind: 'reply', id, outcome: 'refused', text, slot: -1, length: 0 });
    const batches = drafts.take();
    expect(counted(batches)).toBe(3 * 4_200);
    expect(Math.max(...headers(batches.map((batch) => batch.filter((record) => record.kind !== 'reply'))))).toBeLessThanOrEqual(
      maxFrameBytes,
    );
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThan(1_200);
  });

  it('and what has no fields is cut as ever: so many jobs a batch', () => {
    expect(batchesOf(8_193, () => 'foo', []).map((batch) => counted([batch]))).toEqual([4_096, 4_096, 1]);
  });
});

describe('no header of a master is longer than a frame may be', () => {
  const sent = (world: World): (readonly WireRecord[])[] =>
    world.log.flatMap(({ instructions }) => instructions.flatMap((one) => (one.type === 'send' ? [one.records] : [])));

  it.each([
    ['streams with the longest fields', 200, 'client', ['foo'], most, []],
    ['streams and jobs with the longest fields', 100, 'client', ['foo'], most, most],
    ['jobs with the longest fields', 100, 'client', ['foo'], [], most],
    ['jobs of one stream for many functions', 40, 'client', Array.from({ length: 64 }, (_, i) => `f${i}`), most, []],
    ['clients and functions with the longest names', 2_000, '€'.repeat(341), ['€'.repeat(341)], [], []],
  ] as [string, number, string, string[], Fields, Fields][])('%s', (_, streams, name, functions, ofStream, ofJob) => {
    const world = new World({ bufferBytes: 1_000_000_000 });
    const client = world.client(name);
    for (let stream = 1; stream <= streams; stream += 1) {
      world.open(client, stream, { fields: ofStream });
      const slots = functions.map(() => world.slot());
      const which = functions.length > 1 ? functions.map((__, i) => i) : [];
      const fields = ofJob.length > 0 ? [ofJob] : [];
      world.say(client, { kind: 'jobs', stream, first: 0, functions, which, fields, slots, lengths: slots.map(() => 1) });
    }
    world.worker('one', functions, 65_536);
    world.flush();
    const batches = sent(world);
    const parts = batches.flat().flatMap((record) => (record.kind === 'parts' ? record.keys : []));
    expect(parts).toHaveLength(streams * functions.length);
    expect(Math.max(...headers(batches))).toBeLessThanOrEqual(maxFrameBytes);
  });
});
