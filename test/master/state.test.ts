import { describe, expect, it } from 'vitest';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import { failureFlags } from '../../src/protocol/part_records.ts';
import { toFields } from '../../src/protocol/fields.ts';
import { NEWEST, type Played, World } from './world.ts';

const ALL = ENTRY.result | ENTRY.partEnd | ENTRY.jobEnd;

describe('placing', () => {
  it('gives two equal workers parts in turn, one for each slot while their speed is unknown', () => {
    const world = new World();
    const [one, two] = [world.worker('one'), world.worker('two')];
    const client = world.client();
    world.open(client);
    world.jobs(client, 10);
    world.flush();
    expect([world.parts(one).length, world.parts(two).length]).toEqual([1, 1]);
  });

  it('delivers each result once, ends the stream, and keeps no payload', () => {
    const world = new World();
    const workers = [world.worker('one'), world.worker('two')];
    const client = world.client();
    world.open(client);
    world.jobs(client, 60);
    for (let round = 0; round < 200 && world.state.status.streams.length > 0; round += 1) {
      world.flush();
      for (const worker of workers) {
        const done = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
        if (done.length > 0) world.finish(worker, done);
      }
    }
    world.flush();
    expect(
      world
        .entries(client)
        .map((entry) => entry.job)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 60 }, (_, i) => i));
    expect(world.entries(client).every((entry) => entry.flags === ALL)).toBe(true);
    expect(world.held.size).toBe(0);
  });

  it('lets one job after the other go to one worker while its lease lasts, and then to the one that waited longest', () => {
    const world = new World();
    const workers = [world.worker('one'), world.worker('two'), world.worker('three')];
    const client = world.client();
    world.open(client, 1, { results: 5_000, bytes: 10_000_000 });
    const went: string[] = [];
    for (let first = 0; first < 60; first += 1) {
      world.jobs(client, 1, { first, end: false });
      world.flush();
      const [worker] = workers.filter((one) => world.parts(one).length > 0) as [Played];
      went.push(worker.name);
      world.finish(worker, [world.parts(worker)[0]?.key as number], { micros: 1 });
      worker.got.length = 0;
      world.flush();
      world.now += 1;
    }
    const runs = went.filter((name, i) => name !== went[i - 1]);
    expect(runs).toEqual([...runs.slice(0, 3), ...runs.slice(0, 3)]);
    expect(new Set(runs).size).toBe(3);
    expect(went).toEqual(runs.flatMap((name) => Array.from({ length: 10 }, () => name)));
  });

  it('but not to one where the last has failed: nor does what is tried again at once', () => {
    const fail = (world: World, worker: Played): void => {
      const [part] = world.parts(worker);
      const flags = [failureFlags('function-threw')];
      const columns = { attempts: [NEWEST], indexes: [0], flags, busyMicros: 10, slots: [world.slot()], lengths: [9] };
      world.report(worker, { kind: 'outcomes', keys: [part?.key as number], ...columns });
    };
    for (const fields of [[], toFields({ retries: { attempts: 1, minMs: 0, maxMs: 0 } })]) {
      const world = new World();
      const workers = [world.worker('one'), world.worker('two')];
      const client = world.client();
      world.open(client, 1, { fields });
      const went: string[] = [];
      for (let first = 0; went.length < 6; first += 1) {
        if (fields.length === 0 || went.length === 0) world.jobs(client, 1, { first, end: false });
        world.flush();
        const [worker] = workers.filter((one) => world.parts(one).length > 0);
        if (worker === undefined) break;
        went.push(worker.name);
        fail(world, worker);
        worker.got.length = 0;
        world.flush();
        world.pass(1);
      }
      expect(went.length).toBe(fields.length === 0 ? 6 : 2);
      expect(went.every((name, i) => name !== went[i - 1])).toBe(true);
    }
  });

  describe('but', () => {
    /** Two that have shown that they take a millisecond, so that they may have parts ahead, and idle. The lease of neither holds. */
    function known(functions: [string[], string[]], slots = 1): { world: World; client: Played; one: Played; two: Played } {
      const world = new World();
      const [one, two] = [world.worker('one', functions[0]), world.worker('two', functions[1], slots)];
      const client = world.client();
      world.open(client, 1, { results: 5_000, bytes: 10_000_000 });
      for (let round = 0; round < 10; round += 1) {
        world.jobs(client, 2, { end: false, first: 2 * round });
        world.flush();
        for (const worker of [one, two]) finish(world, worker);
        world.pass(20);
      }
      return { world, client, one, two };
    }

    function finish(world: World, worker: Played): void {
      const keys = world.parts(worker).map((part) => part.key);
      world.finish(worker, keys, { micros: 1_000 });
      worker.got.length = 0;
      world.flush();
    }

    function places(world: World, ...workers: Played[]): number[] {
      return workers.map((worker) => world.parts(worker).length);
    }

    it('not to one that has something to do', () => {
      const { world, client, one, two } = known([['foo'], ['foo']]);
      world.jobs(client, 1, { first: 20, end: false });
      world.flush();
      expect(places(world, one, two).reduce((sum, count) => sum + count)).toBe(1);
      // That one's lease is dry, and it has room ahead.
      world.jobs(client, 1, { first: 21, end: false });
      world.flush();
      expect(places(world, one, two)).toEqual([1, 1]);
    });

    it('only as many as begin there at once', () => {
      const { world, client, one, two } = known([['foo'], ['foo']], 4);
      for (const first of [20, 25]) {
        world.jobs(client, 5, { first, end: false });
        world.flush();
        expect(places(world, one, two)).toEqual([1, 4]);
        // The lease of the first one runs dry last.
        finish(world, two);
        finish(world, one);
      }
    });

    it('not to one that did something else meanwhile', () => {
      const { world, client, one, two } = known([['foo', 'bar'], ['foo']]);
      world.jobs(client, 2, { first: 20, end: false });
      world.flush();
      finish(world, two);
      finish(world, one);
      world.jobs(client, 1, { first: 22, name: 'bar', end: false });
      world.flush();
      expect(places(world, one, two)).toEqual([1, 0]);
      finish(world, one);
      world.jobs(client, 1, { first: 23, end: false });
      world.flush();
      expect(places(world, one, two)).toEqual([0, 1]);
    });

    it('not again to one that gives it back', () => {
      const { world, client, one, two } = known([['foo'], ['foo']]);
      world.jobs(client, 1, { first: 20, end: false });
      world.flush();
      const [giver, other] = places(world, one, two)[0] === 1 ? [one, two] : [two, one];
      const [part] = world.parts(giver);
      giver.got.length = 0;
      world.report(giver, { kind: 'returned', keys: [part?.key as number], attempts: [part?.attempt as number] });
      world.flush();
      expect(places(world, giver, other)).toEqual([0, 1]);
    });
  });

  it('gives a fast worker some milliseconds of work ahead, and a slow one none', () => {
    const world = new World();
    const [fast, slow] = [world.worker('fast'), world.worker('slow', ['bar'])];
    const client = world.client();
    world.open(client, 1, { results: 5_000 });
    world.jobs(client, 60, { end: false });
    world.open(client, 2, { results: 5_000 });
    world.jobs(client, 60, { stream: 2, name: 'bar', end: false });
    world.flush();
    world.finish(fast, [world.parts(fast)[0]?.key as number], { micros: 100 });
    world.finish(slow, [world.parts(slow)[0]?.key as number], { micros: 6_000 });
    world.flush();
    expect(world.parts(fast).length).toBe(1 + 31);
    expect(world.parts(slow).length).toBe(1 + 1);
  });

  it('serves a function although there is always more to do for another', () => {
    const world = new World();
    const worker = world.worker('one', ['foo', 'bar']);
    const client = world.client();
    world.open(client, 1, { results: 5_000 });
    world.jobs(client, 60, { end: false });
    world.open(client, 2);
    world.flush();
    world.jobs(client, 1, { stream: 2, name: 'bar' });
    for (let round = 0; round < 20; round += 1) {
      world.flush();
      const keys = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
      world.now += 6;
      if (keys.length > 0) world.finish(worker, keys, { micros: 6_000 });
    }
    expect(world.entries(client, 2)).toHaveLength(1);
    expect(world.state.status.queued).toBeGreaterThan(0);
  });

  it('lets a shape that nobody can take delay no other stream', () => {
    const world = new World();
    world.worker('bar', ['bar']);
    const client = world.client();
    const foo = world.worker('foo');
    world.lose(foo);
    world.open(client, 1);
    world.jobs(client, 5, { name: 'foo' });
    world.open(client, 2);
    world.jobs(client, 1, { stream: 2, name: 'bar' });
    world.flush();
    expect(world.parts(world.players[0] as never).map((part) => part.function)).toEqual(['bar']);
  });
});

describe('functions', () => {
  it('fails a job for a function that no worker has, naming those that exist', () => {
    const world = new World();
    world.worker('one', ['foo', 'bar']);
    const client = world.client();
    world.open(client);
    world.jobs(client, 1, { name: 'constructor' });
    world.flush();
    world.pass(999);
    expect(world.entries(client)).toEqual([]);
    world.pass(1);
    expect(world.entries(client)).toEqual([{ job: 0, part: 0, index: 0, flags: ENTRY.error | ENTRY.partEnd | ENTRY.jobEnd }]);
    const kept = world.log.flatMap((step) => step.instructions).find((one) => one.type === 'keep');
    expect(kept).toMatchObject({
      error: { code: 'unknown-function', message: "no worker has a function 'constructor'; there are: bar, foo" },
    });
  });

  it('waits longer for who serves a function when peers come from an earlier master', () => {
    const world = new World();
    const client = world.client('client', 'a0a0a0a0a0a0a0a0');
    world.worker('one', ['foo']);
    world.open(client);
    world.jobs(client, 2, { name: 'bar' });
    world.flush();
    world.pass(9_000);
    expect(world.entries(client)).toEqual([]);
    const late = world.worker('late', ['bar'], 2);
    world.flush();
    expect(world.parts(late)).toHaveLength(2);
    world.open(client, 2);
    world.jobs(client, 1, { stream: 2, name: 'baz' });
    world.pass(1_000);
    expect(world.entries(client, 2)).toHaveLength(1);
  });

  it('lets jobs wait while no worker is there at all, and says so once after a second', () => {
    const world = new World();
    const client = world.client();
    world.open(client);
    world.jobs(client, 10);
    world.flush();
    world.pass(3_000);
    const said = world.log.flatMap((step) => step.instructions).filter((one) => one.type === 'log');
    expect(said).toEqual([{ type: 'log', level: 'warn', text: '10 jobs wait: no worker serves foo' }]);
    expect(client.got).toContainEqual({ kind: 'notice', stream: 1, text: '10 jobs wait: no worker serves foo' });
    const worker = world.worker('late');
    world.flush();
    expect(world.parts(worker)).toHaveLength(1);
  });
});

describe('loss', () => {
  it('moves what a lost worker has not begun at once, and the rest after its grace', () => {
    const world = new World();
    const one = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 8);
    world.flush();
    world.finish(one, [world.parts(one)[0]?.key as number], { micros: 500 });
    world.flush();
    expect(world.parts(one)).toHaveLength(8);
    const two = world.worker('two');
    world.lose(one);
    world.flush();
    const first = world.parts(two);
    expect(first).toHaveLength(1);
    expect(first[0]?.job).toBe(2);
    world.finish(two, [first[0]?.key as number], { micros: 10 });
    world.flush();
    expect(world.parts(two).map((part) => part.job)).toEqual([2, 3, 4, 5, 6, 7]);
    world.finish(
      two,
      world
        .parts(two)
        .slice(1)
        .map((part) => part.key),
    );
    world.pass(1_000);
    world.flush();
    expect(world.parts(two).at(-1)).toMatchObject({ job: 1, attempt: 2 });
  });

  it('takes a late result of an old attempt while the part is open, and drops the second', () => {
    const world = new World();
    const [one, two] = [world.worker('one', ['foo'], 2), world.worker('two')];
    const client = world.client();
    world.open(client);
    world.jobs(client, 3);
    world.flush();
    const [first] = world.parts(one);
    world.lose(one);
    world.pass(1_000);
    world.flush();
    world.comeBack(one, 'worker');
    expect(one.seqs.reports).toBe(0);
    const again = world.parts(two).find((part) => part.job === first?.job);
    expect(again === undefined || again.attempt === 2).toBe(true);
  });

  it('fails a part that has brought down three workers, and no other', () => {
    const world = new World();
    const client = world.client();
    world.open(client);
    world.jobs(client, 1);
    for (const name of ['one', 'two', 'three', 'four']) {
      const worker = world.worker(name);
      world.flush();
      if (world.parts(worker).length === 0) break;
      world.lose(worker);
      world.pass(1_000);
    }
    world.flush();
    const kept = world.log.flatMap((step) => step.instructions).filter((one) => one.type === 'keep');
    expect(kept).toMatchObject([{ error: { code: 'worker-lost', worker: 'three', attempts: 3 } }]);
    expect(world.held.size).toBe(0);
  });

  it('cancels the streams of a client that does not come back within its grace', () => {
    const world = new World();
    const one = world.worker('one');
    const client = world.client();
    world.open(client);
    world.jobs(client, 5);
    world.flush();
    world.lose(client);
    world.pass(29_999);
    expect(world.state.status.streams).toHaveLength(1);
    world.pass(2);
    world.flush();
    expect(world.state.status.streams).toHaveLength(0);
    expect(one.got.filter((record) => record.kind === 'abort')).toHaveLength(1);
    expect(world.held.size).toBe(0);
  });
});
