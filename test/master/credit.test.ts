import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/protocol/fields.ts';
import { MAX_FIELDS_BYTES } from '../../src/protocol/limits.ts';
import type { GrantRecord } from '../../src/protocol/part_records.ts';
import { ENTRY, flagsOf } from '../../src/protocol/stream_records.ts';
import { type Played, World } from './world.ts';

/** The worker ends all it has, one result each. */
function finishAll(world: World, worker: Played): void {
  const keys = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
  if (keys.length > 0) world.finish(worker, keys);
}

function run(world: World, worker: Played, rounds = 50): void {
  for (let i = 0; i < rounds; i += 1) {
    world.flush();
    finishAll(world, worker);
  }
  world.flush();
}

describe('credit for results', () => {
  it('places no part whose first result has no credit, and goes on when there is more', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 3 });
    world.jobs(client, 10);
    run(world, worker);
    expect(world.entries(client)).toHaveLength(3);
    world.say(client, { kind: 'credit', stream: 1, results: 7, bytes: 1_000_000 });
    run(world, worker);
    expect(world.entries(client)).toHaveLength(7);
    world.say(client, { kind: 'credit', stream: 1, results: 100, bytes: 1_000_000 });
    run(world, worker);
    expect(world.entries(client)).toHaveLength(10);
    expect(world.held.size).toBe(0);
  });

  it('lets other streams go on while one has no credit', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 1 });
    world.jobs(client, 10);
    world.open(client, 2);
    world.jobs(client, 10, { stream: 2 });
    run(world, worker);
    expect([world.entries(client, 1).length, world.entries(client, 2).length]).toEqual([1, 10]);
  });

  it('counts bytes: a stream over its window of bytes gets no further part until the consumer has taken some', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 100, bytes: 10_000 });
    world.jobs(client, 10);
    for (let i = 0; i < 10; i += 1) {
      world.flush();
      const keys = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
      if (keys.length > 0) world.finish(worker, keys, { bytes: 4_000 });
    }
    expect(world.entries(client).length).toBeLessThanOrEqual(2);
    world.say(client, { kind: 'credit', stream: 1, results: 100, bytes: 1_000_000 });
    run(world, worker);
    expect(world.entries(client)).toHaveLength(10);
  });

  it('lets one result pass an empty window, whatever its size', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 4, bytes: 8_192 });
    world.jobs(client, 1);
    world.flush();
    const key = world.parts(worker)[0]?.key as number;
    world.report(worker, { kind: 'hungry', keys: [key], bytes: [500_000] });
    world.flush();
    const grant = worker.got.find((record) => record.kind === 'grant');
    expect(grant).toMatchObject({ keys: [key], results: [0] });
    expect((grant as GrantRecord).bytes[0]).toBeGreaterThanOrEqual(500_000 - 4_096);
  });

  it('grants a generator more results in chunks, within the credit', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client, 1, { results: 9 });
    world.jobs(client, 1);
    world.flush();
    const key = world.parts(worker)[0]?.key as number;
    let granted = 1;
    for (let index = 0; index < 40; index += 1) {
      if (granted === 0) {
        world.report(worker, { kind: 'hungry', keys: [key], bytes: [0] });
        world.flush();
        const more = worker.got.splice(0).find((record) => record.kind === 'grant');
        if (more === undefined) break;
        granted = more.results[0] as number;
      }
      world.finish(worker, [key], { index, end: false });
      granted -= 1;
    }
    world.flush();
    expect(world.entries(client).map((entry) => entry.index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('keeps half of the window of an ordered stream for its oldest part, however many others ask first', () => {
    const world = new World();
    const [slow, fast] = [world.worker('slow'), world.worker('fast')];
    const client = world.client();
    world.open(client, 1, { results: 8, ordered: true });
    world.jobs(client, 10);
    world.flush();
    const oldest = world.parts(slow)[0]?.key as number;
    const other = world.parts(fast)[0]?.key as number;
    for (let index = 0; index < 10; index += 1) {
      world.finish(fast, [other], { index, end: false });
      world.report(fast, { kind: 'hungry', keys: [other], bytes: [0] });
      world.flush();
      if (!fast.got.splice(0).some((record) => record.kind === 'grant')) break;
    }
    expect(world.entries(client).length).toBeLessThanOrEqual(4);
    world.finish(slow, [oldest], { end: false });
    world.report(slow, { kind: 'hungry', keys: [oldest], bytes: [0] });
    world.flush();
    expect(slow.got.filter((record) => record.kind === 'grant')).toHaveLength(1);
    expect(fast.got.filter((record) => record.kind === 'grant')).toHaveLength(0);
  });
});

describe('credit for jobs', () => {
  it('tells a new window when half of the old one is used, and not for every job', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 31, { end: false });
    world.flush();
    expect(client.got.filter((record) => record.kind === 'window')).toEqual([]);
    world.jobs(client, 1, { first: 31, end: false });
    world.flush();
    expect(client.got.filter((record) => record.kind === 'window')).toMatchObject([{ jobs: 4_096 }]);
    run(world, worker);
    expect(client.got.filter((record) => record.kind === 'window')).toHaveLength(1);
  });

  it('gives a stream up that sends without credit, and tells why; others go on', () => {
    const world = new World();
    const worker = world.worker('one');
    const [rogue, client] = [world.client('rogue'), world.client()];
    world.open(rogue);
    world.jobs(rogue, 65);
    world.open(client);
    world.jobs(client, 2);
    run(world, worker);
    expect(rogue.got).toContainEqual({ kind: 'giveUp', stream: 1, text: 'jobs came without credit' });
    expect(world.entries(client)).toHaveLength(2);
    expect(world.held.size).toBe(0);
  });

  it('counts the fields of jobs as it does payloads, and frees what they took', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    const note: Fields = [['note', new Uint8Array(29_932)]];
    const send = (first: number, count: number): void => {
      const slots = Array.from({ length: count }, () => world.slot());
      const fields = slots.map(() => note);
      world.say(client, {
        kind: 'jobs',
        stream: 1,
        first,
        functions: ['foo'],
        which: [],
        fields,
        slots,
        lengths: slots.map(() => 1_000),
      });
      world.flush();
    };
    const windows = (): number[] => client.got.flatMap((record) => (record.kind === 'window' ? [record.bytes] : []));
    world.open(client, 1, { results: 1_000, bytes: 10_000_000 });
    // Each counts 31,000 bytes: two have credit.
    send(0, 2);
    const [share] = windows() as [number];
    send(2, Math.floor((share - 62_000) / 31_000));
    expect(windows()).toHaveLength(1);
    run(world, worker);
    const ended = 2 + Math.floor((share - 62_000) / 31_000);
    expect(world.entries(client)).toHaveLength(ended);
    expect(windows().at(-1)).toBe(ended * 31_000 + share);
    const left = Math.floor(share / 31_000);
    send(ended, left);
    run(world, worker);
    expect(world.entries(client)).toHaveLength(ended + left);
    send(ended + left, left + 2);
    expect(client.got).toContainEqual({ kind: 'giveUp', stream: 1, text: 'jobs came without credit' });
  });

  it('gives a stream up that has more fields than a stream or a job may have; others go on', () => {
    const world = new World();
    const worker = world.worker('one');
    const [rogue, client] = [world.client('rogue'), world.client()];
    const field = (bytes: number): Fields => [['n', new Uint8Array(bytes - 65)]];
    world.open(rogue, 1, { fields: field(MAX_FIELDS_BYTES) });
    world.open(rogue, 2, { fields: field(MAX_FIELDS_BYTES + 1) });
    const jobs = { kind: 'jobs', stream: 2, first: 0, functions: ['foo'], which: [], lengths: [9] } as const;
    world.say(rogue, { ...jobs, fields: [], slots: [world.slot()] });
    world.open(rogue, 3);
    world.say(rogue, { ...jobs, stream: 3, fields: [field(MAX_FIELDS_BYTES + 1)], slots: [world.slot()] });
    world.open(rogue, 4);
    world.say(rogue, { ...jobs, stream: 4, fields: [field(MAX_FIELDS_BYTES)], slots: [world.slot()] });
    world.open(client);
    world.jobs(client, 2);
    run(world, worker);
    const text = (whose: string): string => `the fields of ${whose} have 262145 bytes, over 262144`;
    expect(rogue.got.filter((record) => record.kind === 'giveUp')).toEqual([
      { kind: 'giveUp', stream: 2, text: text('a stream') },
      { kind: 'giveUp', stream: 3, text: text('a job') },
    ]);
    expect([1, 2, 3, 4].map((stream) => world.entries(rogue, stream).length)).toEqual([0, 0, 0, 1]);
    expect(world.entries(client)).toHaveLength(2);
    expect(world.held.size).toBe(0);
  });

  it('counts the fields of a stream against its buffer as long as it is open', () => {
    const fields: Fields = [['note', new Uint8Array(99_932)]];
    const world = new World({ bufferBytes: 500_000, maxMessageBytes: 64_000_000 });
    const client = world.client();
    const windowOf = (stream: number): number =>
      Math.max(...client.got.map((record) => (record.kind === 'window' && record.stream === stream ? record.bytes : 0)));
    for (let stream = 1; stream <= 3; stream += 1) world.open(client, stream, { fields });
    world.jobs(client, 1, { bytes: 400_000, end: false });
    world.flush();
    // Half of what is free, besides the least that each has.
    const first = 65_536 + (500_000 - 3 * 165_536) / 2;
    expect(windowOf(1)).toBe(first);
    for (let stream = 2; stream <= 3; stream += 1) world.say(client, { kind: 'cancel', stream, job: -1 });
    world.open(client, 4);
    world.jobs(client, 1, { stream: 4, bytes: 400_000, end: false });
    world.flush();
    expect(windowOf(4)).toBe(65_536 + (500_000 - 100_000 - first - 65_536) / 2);
  });

  it('grows the window of a stream of large jobs until two of them fit, as far as the buffer goes', () => {
    const granted = (bufferBytes: number): number => {
      const world = new World({ bufferBytes, maxMessageBytes: 64_000_000 });
      const client = world.client();
      world.open(client);
      world.jobs(client, 1, { bytes: 50_000_000, end: false });
      world.flush();
      return Math.max(...client.got.map((record) => (record.kind === 'window' ? record.bytes : 0)));
    };
    expect(granted(1_000_000_000)).toBe(100_000_000);
    // Half of what is free, besides the least that it had.
    expect(granted(120_000_000)).toBe((120_000_000 - 65_536) / 2 + 65_536);
  });

  it('grows the window of a stream of large jobs until all slots of the workers have one, and one more is on its way', () => {
    const world = new World({ bufferBytes: 1_000_000_000, maxMessageBytes: 64_000_000 });
    const windows = (): number => Math.max(...client.got.map((record) => (record.kind === 'window' ? record.bytes : 0)));
    const [one, client] = [world.worker('one', ['foo'], 3), world.client()];
    world.worker('two', ['foo'], 4);
    world.open(client);
    world.jobs(client, 1, { bytes: 10_000_000, end: false });
    world.flush();
    expect(windows()).toBe(80_000_000);
    world.lose(one);
    world.pass(1_000);
    world.open(client, 2);
    world.jobs(client, 1, { stream: 2, bytes: 20_000_000, end: false });
    world.flush();
    expect(windows()).toBe(100_000_000);
  });

  it('grows the window of a stream as soon as its jobs become large', () => {
    const world = new World({ bufferBytes: 1_000_000_000, maxMessageBytes: 64_000_000 });
    const client = world.client();
    world.worker('one', ['foo'], 3);
    world.open(client);
    world.jobs(client, 60, { bytes: 10, end: false });
    world.flush();
    world.jobs(client, 1, { first: 60, bytes: 2_900_000, end: false });
    world.flush();
    expect(Math.max(...client.got.map((record) => (record.kind === 'window' ? record.bytes : 0)))).toBe(11_600_000);
  });

  it('shares its buffer: many streams get less each, and never less than the least', () => {
    const world = new World({ bufferBytes: 1_048_576 });
    const client = world.client();
    world.worker('one');
    for (let stream = 1; stream <= 40; stream += 1) {
      world.open(client, stream);
      world.jobs(client, 40, { stream, end: false });
      world.flush();
    }
    const bytes = client.got.filter((record) => record.kind === 'window').map((record) => record.bytes);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(600_000);
    expect(Math.min(...bytes)).toBeGreaterThanOrEqual(65_536);
  });
});

describe('replay', () => {
  it('drops what a second attempt repeats, and goes on where the first stopped', () => {
    const world = new World();
    const one = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 1);
    world.flush();
    const key = world.parts(one)[0]?.key as number;
    world.finish(one, [key], { end: false });
    world.lose(one);
    world.pass(1_000);
    const two = world.worker('two');
    world.flush();
    expect(world.parts(two)[0]).toMatchObject({ key, attempt: 2 });
    world.finish(two, [key], { end: false });
    world.finish(two, [key], { index: 1 });
    world.flush();
    expect(world.entries(client).map((entry) => [entry.index, entry.flags])).toEqual([
      [0, ENTRY.result],
      [1, flagsOf(ENTRY.result | ENTRY.partEnd | ENTRY.jobEnd, 2)],
    ]);
    expect(world.held.size).toBe(0);
  });

  it('fails a job whose second attempt ends before the first had come', () => {
    const world = new World();
    const one = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 1);
    world.flush();
    const key = world.parts(one)[0]?.key as number;
    world.finish(one, [key], { end: false });
    world.finish(one, [key], { index: 1, end: false });
    world.lose(one);
    world.pass(1_000);
    const two = world.worker('two');
    world.flush();
    world.finish(two, [key]);
    world.flush();
    const kept = world.log.flatMap((step) => step.instructions).find((instruction) => instruction.type === 'keep');
    expect(kept).toMatchObject({ error: { code: 'not-replayable', function: 'foo' } });
    expect(world.entries(client).at(-1)?.flags).toBe(ENTRY.error | ENTRY.partEnd | ENTRY.jobEnd);
    expect(world.held.size).toBe(0);
  });
});
