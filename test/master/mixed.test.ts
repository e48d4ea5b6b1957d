/** Quick and slow functions on the same workers: nobody waits long behind who is slow. */
import { describe, expect, it } from 'vitest';
import type { PartsRecord } from '../../src/protocol/part_records.ts';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { deliver, end, given, quick } from './quick.ts';
import { NEWEST, World } from './world.ts';

describe('where one function is quick', () => {
  it('another has few parts ahead until one of them has ended, none if they are slow, and does not keep the quick ones from having many', () => {
    const { world, worker, client } = quick();
    world.open(client, 2, { results: 5_000, bytes: 10_000_000 });
    world.jobs(client, 50, { stream: 2, name: 'bar', end: false });
    world.flush();
    expect(given(world, worker, 'bar')).toBe(2 + 4);
    end(world, worker, 200_000);
    expect(given(world, worker, 'bar')).toBe(2);
    world.jobs(client, 50, { first: 8, end: false });
    world.flush();
    expect(given(world, worker, 'bar')).toBe(2);
    expect(given(world, worker, 'foo')).toBeGreaterThan(10);
  });

  it('its own parts are taken back when they turn out to be slow, once others wait', () => {
    const { world, worker, client } = quick();
    world.jobs(client, 50, { first: 8, end: false });
    world.flush();
    const keys = world.parts(worker).map((part) => part.key);
    expect(keys.length).toBeGreaterThan(20);
    world.finish(worker, keys.slice(0, 2), { micros: 400_000 });
    world.flush();
    world.pass(10);
    expect(worker.got.filter(({ kind }) => kind === 'revoke')).toEqual([]);
    world.open(client, 2);
    world.jobs(client, 1, { stream: 2, name: 'bar' });
    world.flush();
    world.pass(10);
    const asked = (): number[] => worker.got.flatMap((record) => (record.kind === 'revoke' ? record.keys : []));
    // All but what runs.
    expect(asked()).toEqual(keys.slice(4));
    let here = keys.slice(2);
    for (let ended = 0; given(world, worker, 'bar') === 0; ended += 1) {
      // What was ahead when it came ran, and one more for each slot.
      expect(ended).toBeLessThan(4);
      const back = asked();
      world.report(worker, { kind: 'returned', keys: back, attempts: back.map(() => NEWEST) });
      here = here.filter((key) => !back.includes(key));
      worker.got.length = 0;
      world.flush();
      // Not at once again.
      expect(world.parts(worker)).toEqual([]);
      world.finish(worker, [here.shift() as number], { micros: 200_000 });
      world.flush();
      world.pass(10);
      here.push(...world.parts(worker).map((part) => part.key));
    }
  });
});

it('a report with a part that is over says of no function how long it takes', () => {
  const { world, worker, client } = quick();
  world.open(client, 2, { results: 5_000, bytes: 10_000_000 });
  world.jobs(client, 1, { first: 8, end: false });
  world.jobs(client, 1, { stream: 2, name: 'bar', end: false });
  world.flush();
  const [over, bar] = world.parts(worker);
  worker.got.length = 0;
  world.say(client, { kind: 'cancel', stream: 1, job: over?.job as number });
  world.finish(worker, [over?.key as number, bar?.key as number], { micros: 100_000 });
  world.jobs(client, 50, { stream: 2, first: 1, name: 'bar', end: false });
  world.flush();
  // As many as of one of which nothing is known: a slow one had none beyond those that run.
  expect(given(world, worker, 'bar')).toBe(2 + 4);
});

describe('by PUSH, where one function is quick', () => {
  it('another has room beside it: few until one of them has ended, and none ahead if they are slow', () => {
    const world = new World({ policy: roundRobin() });
    const workers = [world.worker('one', ['foo', 'bar'], 2), world.worker('other', ['foo', 'bar'], 2)] as const;
    const all = (name: string): number => given(world, workers[0], name) + given(world, workers[1], name);
    const client = world.client();
    world.feed({ type: 'pushPeers', count: 2, strangers: 0 });
    for (const stream of [1, 2]) world.open(client, stream, { results: 5_000 });
    for (const [first, count] of [
      [0, 8],
      [8, 50],
      [58, 64],
    ] as const) {
      world.jobs(client, count, { first, end: false });
      world.flush();
      deliver(world, workers);
      if (first < 58) for (const worker of workers) end(world, worker, 100);
    }
    expect(all('foo')).toBe(2 * (2 + 30));
    for (const worker of workers) {
      const keys = world.parts(worker).map(({ key }) => key);
      world.finish(worker, keys.slice(8), { micros: 100 });
    }
    // Twice, before anybody has accepted one.
    for (const first of [0, 50]) {
      world.jobs(client, 50, { stream: 2, first, name: 'bar', end: false });
      world.flush();
    }
    deliver(world, workers);
    expect(all('bar')).toBe(2 * (2 + 4));
    for (const worker of workers) {
      for (const [name, micros] of [
        ['bar', 200_000],
        ['foo', 100],
      ] as const) {
        const ended = world.parts(worker).filter((part) => part.function === name);
        world.finish(
          worker,
          ended.map(({ key }) => key),
          { micros },
        );
      }
      worker.got.length = 0;
    }
    world.flush();
    deliver(world, workers);
    expect(all('bar')).toBe(2 * 2);
  });

  it('slow ones have their room beside what is on its way of quick ones, and what is on its way of themselves counts once', () => {
    const { world, worker, client } = quick({ more: { policy: roundRobin() } });
    world.feed({ type: 'pushPeers', count: 1, strangers: 0 });
    world.open(client, 2, { results: 5_000, bytes: 10_000_000 });
    world.jobs(client, 1, { stream: 2, name: 'bar', end: false });
    world.flush();
    deliver(world, [worker]);
    end(world, worker, 200_000);
    world.log.length = 0;
    const pushed = (name: string): number =>
      world.log
        .flatMap(({ instructions }) => instructions.filter((one) => one.type === 'push'))
        .flatMap(({ records }) => records.filter((one) => one.kind === 'parts' && one.function === name))
        .reduce((sum, record) => sum + (record as PartsRecord).keys.length, 0);
    world.jobs(client, 10, { first: 8, end: false });
    world.flush();
    expect(pushed('foo')).toBe(10);
    world.jobs(client, 1, { stream: 2, first: 1, name: 'bar', end: false });
    world.flush();
    expect(pushed('bar')).toBe(1);
    world.jobs(client, 10, { stream: 2, first: 2, name: 'bar', end: false });
    world.flush();
    expect(pushed('bar')).toBe(2);
  });

  it('a few parts ahead are filled up one by one', () => {
    const world = new World({ policy: roundRobin() });
    const workers = [world.worker('one'), world.worker('other')] as const;
    const all = (): number => workers.reduce((sum, worker) => sum + world.parts(worker).length, 0);
    const client = world.client();
    world.feed({ type: 'pushPeers', count: 2, strangers: 0 });
    world.open(client, 1, { results: 5_000 });
    world.jobs(client, 2, { end: false });
    world.flush();
    deliver(world, workers);
    for (const worker of workers) end(world, worker, 1_000);
    world.jobs(client, 50, { first: 2, end: false });
    world.flush();
    deliver(world, workers);
    // One that runs on each, and three milliseconds of work.
    expect(all()).toBe(2 * 4);
    const [first] = world.parts(workers[0]);
    world.finish(workers[0], [first?.key as number], { micros: 1_000 });
    world.flush();
    deliver(world, [workers[0]]);
    expect(all()).toBe(2 * 4 + 1);
  });
});
