/** A consumer cancels one job of a stream, wherever the job is. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MasterInstruction } from '../../src/master/instructions.ts';
import { toFields } from '../../src/protocol/fields.ts';
import { failureFlags } from '../../src/protocol/part_records.ts';
import { type Played, World } from './world.ts';

function cancel(world: World, client: Played, job: number): void {
  world.say(client, { kind: 'cancel', stream: 1, job });
  world.flush();
}

function asked<T extends MasterInstruction['type']>(world: World, type: T): Extract<MasterInstruction, { type: T }>[] {
  return world.log.flatMap((step) => step.instructions).filter((one): one is Extract<MasterInstruction, { type: T }> => one.type === type);
}

/** A worker that was told to stop a part says that it has ended. */
function ends(world: World, worker: Played, keys: readonly number[]): void {
  const each = (value: number): number[] => keys.map(() => value);
  const columns = { attempts: each(1), indexes: each(0), flags: each(2), slots: each(-1), lengths: each(0) };
  world.report(worker, { kind: 'outcomes', keys, ...columns, busyMicros: 10 });
  world.flush();
}

function finishAll(world: World, worker: Played): void {
  for (let i = 0; i < 50; i += 1) {
    world.flush();
    const keys = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
    if (keys.length > 0) world.finish(worker, keys);
  }
  world.flush();
}

function expectNothingLeft(world: World): void {
  expect(world.state.status).toMatchObject({ streams: [], queued: 0, placed: 0 });
  expect(world.held.size).toBe(0);
}

describe('one job that is cancelled', () => {
  it('is dropped where it waits, and its worker is told where it runs; the others go on, and the stream ends', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 4);
    world.flush();
    const [running] = world.parts(worker).map((part) => part.key);
    cancel(world, client, 2);
    cancel(world, client, 0);
    expect(worker.got.filter((record) => record.kind === 'abort')).toEqual([{ kind: 'abort', keys: [running] }]);
    worker.got.length = 0;
    ends(world, worker, [running as number]);
    finishAll(world, worker);
    expect(world.entries(client).map((entry) => entry.job)).toEqual([1, 3]);
    expectNothingLeft(world);
  });

  it('means nothing when it has ended, or never came', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 2);
    world.flush();
    world.finish(
      worker,
      world.parts(worker).map((part) => part.key),
    );
    worker.got.length = 0;
    for (const job of [0, 0, 7]) cancel(world, client, job);
    finishAll(world, worker);
    expect(world.entries(client).map((entry) => entry.job)).toEqual([0, 1]);
    expectNothingLeft(world);
  });

  it('leaves a gap, where it was never sent', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 2, { end: false });
    world.jobs(client, 1, { first: 5, end: false });
    world.say(client, { kind: 'end', stream: 1, jobs: 3 });
    finishAll(world, worker);
    expect(world.entries(client).map((entry) => entry.job)).toEqual([0, 1, 5]);
    expectNothingLeft(world);
  });

  it('gives its room to others', () => {
    const world = new World();
    const client = world.client();
    world.open(client);
    world.jobs(client, 64, { end: false });
    world.flush();
    const windows = (): number => client.got.filter((record) => record.kind === 'window').at(-1)?.jobs ?? 0;
    const before = windows();
    for (let job = 0; job < 64; job += 1) cancel(world, client, job);
    expect(windows()).toBe(before);
    for (let first = 64; first < 4_064; first += 100) {
      world.jobs(client, 100, { first, end: false });
      for (let job = first; job < first + 100; job += 1) cancel(world, client, job);
    }
    expect(windows()).toBeGreaterThan(before);
    expect(world.state.status.queued).toBe(0);
  });

  it('is not tried again', () => {
    const world = new World();
    const worker = world.worker('one');
    const client = world.client();
    const fields = toFields({ retries: { attempts: 3, minMs: 60_000 } });
    world.say(client, { kind: 'open', stream: 1, id: 's', ordered: false, results: 9, bytes: 9_999, parent: 0, fields });
    world.jobs(client, 2);
    world.flush();
    const [part] = world.parts(worker);
    const slots = [world.slot()];
    const columns = { attempts: [1], indexes: [0], flags: [failureFlags('function-threw')], slots, lengths: [1], busyMicros: 1 };
    world.report(worker, { kind: 'outcomes', keys: [part?.key as number], ...columns });
    world.flush();
    cancel(world, client, 0);
    finishAll(world, worker);
    worker.got.length = 0;
    world.pass(100_000);
    expect(worker.got).toEqual([]);
    expectNothingLeft(world);
  });

  it('holds no worker, where it was to run alone', () => {
    const world = new World();
    const client = world.client();
    const first = world.worker('one');
    world.open(client);
    world.jobs(client, 1, { end: false });
    world.flush();
    world.lose(first);
    const second = world.worker('two');
    world.open(client, 2);
    world.jobs(client, 2, { stream: 2 });
    world.flush();
    const [busy] = world.parts(second).map((part) => part.key);
    world.pass(2_000);
    world.finish(second, [busy as number]);
    second.got.length = 0;
    cancel(world, client, 0);
    expect(world.parts(second)).toHaveLength(1);
  });
});

describe('one job that is cancelled, with a scatter or gather of the user,', () => {
  it('is not scattered, or not on; and what scatter gives late is let go', () => {
    const world = new World({ scatter: true });
    const client = world.client();
    world.open(client);
    world.jobs(client, 3);
    world.flush();
    cancel(world, client, 1);
    cancel(world, client, 0);
    expect(asked(world, 'stopScatter').map((one) => one.job)).toEqual([0]);
    const late = { slots: [world.slot()], lengths: [9], functions: ['foo'], ended: true, error: -1 };
    world.feed({ type: 'scattered', stream: 1, job: 0, ...late });
    expect(asked(world, 'scatter').map((one) => one.job)).toEqual([0, 2]);
    cancel(world, client, 2);
    expect(asked(world, 'stopScatter').map((one) => one.job)).toEqual([0, 2]);
    expectNothingLeft(world);
  });

  it('takes all its parts with it', () => {
    const world = new World({ scatter: true });
    const worker = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 1);
    world.flush();
    const slots = [1, 2, 3].map(() => world.slot());
    world.feed({
      type: 'scattered',
      stream: 1,
      job: 0,
      slots,
      lengths: [9, 9, 9],
      functions: slots.map(() => 'foo'),
      ended: false,
      error: -1,
    });
    world.flush();
    const [running] = world.parts(worker).map((part) => part.key);
    cancel(world, client, 0);
    expect(worker.got.filter((record) => record.kind === 'abort')).toEqual([{ kind: 'abort', keys: [running] }]);
    expect(asked(world, 'stopScatter')).toHaveLength(1);
    expectNothingLeft(world);
  });

  it('is not gathered, and what gather gives late is let go', () => {
    const world = new World({ gather: true });
    const worker = world.worker('one', ['foo'], 3);
    const client = world.client();
    world.open(client);
    world.jobs(client, 3);
    world.flush();
    world.finish(
      worker,
      world.parts(worker).map((part) => part.key),
    );
    world.flush();
    expect(asked(world, 'gather').map((one) => one.job)).toEqual([0]);
    cancel(world, client, 1);
    cancel(world, client, 0);
    world.feed({ type: 'gathered', stream: 1, job: 0, slots: [world.slot()], lengths: [9], error: -1 });
    world.flush();
    expect(asked(world, 'gather').map((one) => one.job)).toEqual([0, 2]);
    world.feed({ type: 'gathered', stream: 1, job: 2, slots: [world.slot()], lengths: [9], error: -1 });
    world.flush();
    expect(world.entries(client).map((entry) => entry.job)).toEqual([2]);
    expectNothingLeft(world);
  });

  it('is dropped where it is whole and waits for credit', () => {
    const world = new World({ gather: true });
    const worker = world.worker('one', ['foo'], 3);
    const client = world.client();
    world.open(client, 1, { results: 1 });
    world.jobs(client, 3);
    world.flush();
    world.finish(
      worker,
      world.parts(worker).map((part) => part.key),
    );
    world.flush();
    for (const job of [0, 1, 2]) {
      world.feed({ type: 'gathered', stream: 1, job, slots: [world.slot()], lengths: [9], error: -1 });
      world.flush();
    }
    expect(world.entries(client).map((entry) => entry.job)).toEqual([0]);
    cancel(world, client, 1);
    world.say(client, { kind: 'credit', stream: 1, results: 2, bytes: 1_000_000 });
    world.flush();
    expect(world.entries(client).map((entry) => entry.job)).toEqual([0, 2]);
    expectNothingLeft(world);
  });
});

describe('jobs that are cancelled at random', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])('leave nothing behind, and the others come once (scatter: %s, gather: %s)', (scatter, gather) => {
    const steps = fc.array(fc.tuple(fc.nat(3), fc.nat(19)), { maxLength: 200 });
    fc.assert(
      fc.property(steps, (walk) => {
        const world = new World({ scatter, gather });
        const worker = world.worker('one', ['foo'], 2);
        const client = world.client();
        world.open(client, 1, { results: 5 });
        world.jobs(client, 20);
        const cancelled = new Set<number>();
        const user: MasterInstruction[] = [];
        let [read, begun] = [0, 0];
        let running: number[] = [];
        const look = (): void => {
          for (; read < world.log.length; read += 1)
            for (const one of world.log[read]?.instructions ?? []) if (one.type === 'scatter' || one.type === 'gather') user.push(one);
          for (; begun < worker.got.length; begun += 1) {
            const record = worker.got[begun];
            if (record?.kind === 'parts') running.push(...record.keys);
            if (record?.kind !== 'abort') continue;
            const mine = record.keys.filter((key) => running.includes(key));
            running = running.filter((key) => !mine.includes(key));
            if (mine.length > 0) ends(world, worker, mine);
          }
        };
        const act = (kind: number, which: number): void => {
          world.flush();
          look();
          if (kind === 0 && which % 2 === 0) {
            cancel(world, client, which);
            cancelled.add(which);
          } else if (kind === 1) {
            const one = user.shift();
            if (one?.type === 'scatter') {
              const slots = Array.from({ length: which % 4 }, () => world.slot());
              const columns = { lengths: slots.map(() => 9), functions: slots.map(() => 'foo') };
              world.feed({ type: 'scattered', stream: 1, job: one.job, slots, ...columns, ended: which % 3 > 0, error: -1 });
            } else if (one?.type === 'gather')
              world.feed({ type: 'gathered', stream: 1, job: one.job, slots: [world.slot()], lengths: [9], error: -1 });
          } else if (kind === 2 && running.length > 0) world.finish(worker, running.splice(which % running.length, 1));
          else if (kind === 3)
            world.say(client, { kind: 'credit', stream: 1, results: world.entries(client).length + 5, bytes: 1_000_000 });
        };
        for (const [kind, which] of walk) act(kind, which);
        for (let i = 0; i < 3_000 && world.state.status.streams.length > 0; i += 1) act(1 + (i % 3), 1 + (i % 5));
        world.flush();
        look();
        expectNothingLeft(world);
        const ended = world.entries(client).filter((entry) => (entry.flags & 4) !== 0);
        const jobs = ended.map((entry) => entry.job);
        expect(new Set(jobs).size).toBe(jobs.length);
        const others = Array.from({ length: 20 }, (_, job) => job).filter((job) => !cancelled.has(job));
        expect(jobs).toEqual(expect.arrayContaining(others));
      }),
      { numRuns: 100 },
    );
  });
});
