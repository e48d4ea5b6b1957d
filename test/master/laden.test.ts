/** What a worker has turns out to be more work than was thought, or only seems to: when it is taken back, and when it is not. */
import { describe, expect, it } from 'vitest';
import { packValue } from '../../src/protocol/fields.ts';
import { grain } from '../../src/scheduling/grain.ts';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { deliver, end, given, quick } from './quick.ts';
import { type Played, World } from './world.ts';

function keysOf(world: World, worker: Played, name: string): number[] {
  return world.parts(worker).flatMap((part) => (part.function === name ? [part.key] : []));
}

/** What the worker was asked to give back, each time. */
function asked(worker: Played): (readonly number[])[] {
  return worker.got.flatMap((record) => (record.kind === 'revoke' ? [record.keys] : []));
}

const MANY = { results: 5_000, bytes: 4_000_000 };

describe('work that turns out to be far more', () => {
  it('is taken back when parts of another stream stand behind it there, and asked for once', () => {
    const { world, worker, client } = quick({ slots: 1 });
    world.open(client, 2, MANY);
    world.jobs(client, 12, { first: 8, end: false });
    world.jobs(client, 50, { stream: 2, name: 'bar', end: false });
    world.flush();
    const keys = world.parts(worker).map(({ key }) => key);
    expect([given(world, worker, 'foo'), given(world, worker, 'bar')]).toEqual([12, 5]);
    world.finish(worker, keys.slice(0, 1), { micros: 2_000_000 });
    world.flush();
    world.pass(10);
    expect(asked(worker)).toEqual([keys.slice(2)]);
    world.finish(worker, keys.slice(1, 2), { micros: 2_000_000 });
    world.flush();
    world.pass(10);
    expect(asked(worker)).toHaveLength(1);
  });

  it('stays where nobody waits who could run there', () => {
    const { world, worker, client } = quick({ slots: 1 });
    world.worker('two', ['other']);
    world.open(client, 2, MANY);
    world.jobs(client, 12, { first: 8, end: false });
    world.jobs(client, 50, { stream: 2, name: 'other', end: false });
    world.flush();
    world.finish(worker, keysOf(world, worker, 'foo').slice(0, 1), { micros: 2_000_000 });
    world.flush();
    world.pass(40);
    expect(asked(worker)).toEqual([]);
  });

  it('stays when it was only one that took long', () => {
    const { world, worker, client } = quick({ slots: 1 });
    world.jobs(client, 30, { first: 8, end: false });
    world.flush();
    const here = keysOf(world, worker, 'foo');
    worker.got.length = 0;
    world.finish(worker, here.splice(0, 1), { micros: 500_000 });
    world.flush();
    // It always has some.
    for (let first = 38; first < 338; first += 10) {
      world.jobs(client, 10, { first, end: false });
      world.flush();
      here.push(...keysOf(world, worker, 'foo'));
      worker.got.length = 0;
      world.finish(worker, here.splice(0, 10), { micros: 100 });
      world.flush();
      world.pass(1);
    }
    expect(here.length).toBeGreaterThan(1);
    world.open(client, 2, MANY);
    world.jobs(client, 50, { stream: 2, end: false });
    world.flush();
    world.pass(6);
    expect(asked(worker)).toEqual([]);
  });

  it('is not what runs with resources: that is bound by no slots', () => {
    const world = new World({ policy: grain() });
    const worker = world.worker('one', ['foo', 'res'], 1, [['resources', packValue({ cores: 40 })]]);
    const client = world.client();
    for (const stream of [1, 2, 3]) world.open(client, stream, MANY);
    world.jobs(client, 8, { end: false });
    world.flush();
    end(world, worker, 100);
    end(world, worker, 100);
    world.jobs(client, 30, { stream: 3, name: 'res', end: false, fields: [['resources', packValue({ cores: 1 })]] });
    world.jobs(client, 50, { first: 8, end: false });
    world.jobs(client, 50, { stream: 2, end: false });
    world.flush();
    expect(given(world, worker, 'res')).toBe(30);
    expect(given(world, worker, 'foo')).toBeGreaterThan(20);
    world.finish(worker, keysOf(world, worker, 'res').slice(0, 1), { micros: 1_000_000 });
    world.flush();
    world.pass(6);
    expect(asked(worker)).toEqual([]);
  });
});

describe('how many of a function stand at a worker', () => {
  it.each(['between', 'behind'])('is not learned from a report with quick ones of another %s its own', (where) => {
    const { world, worker, client } = quick();
    world.open(client, 2, MANY);
    world.jobs(client, 50, { stream: 2, name: 'bar', end: false });
    world.flush();
    world.jobs(client, 26, { first: 8, end: false });
    world.flush();
    const [foo, bar] = [keysOf(world, worker, 'foo'), keysOf(world, worker, 'bar')];
    expect(bar).toHaveLength(2 + 4);
    worker.got.length = 0;
    const [first, second] = bar as [number, number];
    world.finish(worker, where === 'between' ? [first, ...foo, second] : [...foo, first, second], { micros: 447 });
    world.flush();
    expect(bar.length - 2 + given(world, worker, 'bar')).toBe(2 + 4);
  });

  it.each(['by lease', 'by PUSH'])('is no more than its slots of all that are slow, %s', (how) => {
    const isPush = how === 'by PUSH';
    const { world, worker, client } = quick({ more: isPush ? { policy: roundRobin() } : {} });
    if (isPush) world.feed({ type: 'pushPeers', count: 1, strangers: 0 });
    const flush = (): void => {
      world.flush();
      if (isPush) deliver(world, [worker]);
    };
    world.open(client, 2, MANY);
    for (const [first, name] of ['bar', 'baz'].entries()) {
      world.jobs(client, 1, { stream: 2, first, name, end: false });
      flush();
      end(world, worker, 200_000);
      // Others are quick all the time.
      for (const turn of [0, 1, 2]) {
        world.jobs(client, 8, { first: 8 + 24 * first + 8 * turn, end: false });
        flush();
        while (given(world, worker, 'foo') > 0) {
          end(world, worker, 100);
          flush();
        }
      }
    }
    world.jobs(client, 10, { first: 56, end: false });
    flush();
    const quickOnes = given(world, worker, 'foo');
    expect(quickOnes).toBe(10);
    for (const [turn, name] of ['bar', 'baz'].entries()) world.jobs(client, 10, { stream: 2, first: 2 + 10 * turn, name, end: false });
    flush();
    expect([given(world, worker, 'bar'), given(world, worker, 'baz')]).toEqual([2, 0]);
    world.finish(worker, [...keysOf(world, worker, 'bar')], { micros: 200_000 });
    worker.got.length = 0;
    flush();
    expect(given(world, worker, 'bar') + given(world, worker, 'baz')).toBe(2);
  });
});

it('by PUSH nothing is sent for the slots of a worker whose connection is gone', () => {
  const world = new World({ policy: roundRobin() });
  const big = world.worker('big', ['foo'], 50);
  world.worker('small', ['foo'], 1);
  const client = world.client();
  world.feed({ type: 'pushPeers', count: 2, strangers: 0 });
  world.open(client);
  world.lose(big);
  world.feed({ type: 'pushPeers', count: 1, strangers: 0 });
  world.log.length = 0;
  world.jobs(client, 60, { end: false });
  world.flush();
  const pushed = world.log.flatMap(({ instructions }) => instructions.flatMap((one) => (one.type === 'push' ? one.records : [])));
  expect(pushed.flatMap((record) => (record.kind === 'parts' ? record.keys : []))).toHaveLength(1);
});

it('by PUSH there is room again for parts of which nobody accepted any and nobody wants any more', () => {
  const world = new World({ policy: roundRobin() });
  const worker = world.worker('one', ['foo'], 4);
  const client = world.client();
  world.feed({ type: 'pushPeers', count: 1, strangers: 0 });
  const pushed = (): number => world.log.splice(0).flatMap(({ instructions }) => instructions.filter((one) => one.type === 'push')).length;
  for (let stream = 1; stream <= 5; stream += 1) {
    world.open(client, stream);
    world.jobs(client, 6, { stream });
    world.flush();
    expect(pushed()).toBeGreaterThan(0);
    world.say(client, { kind: 'cancel', stream, job: -1 });
    world.flush();
    expect(pushed()).toBe(0);
  }
  expect(worker.got).toEqual([]);
});
