import { describe, expect, it } from 'vitest';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { type Played, World } from './world.ts';

/** Ends all that a worker has, until it has nothing more; how many parts that were. */
function work(world: World, worker: Played): number {
  let done = 0;
  for (;;) {
    world.flush();
    const keys = worker.got.splice(0).flatMap((record) => (record.kind === 'parts' ? record.keys : []));
    if (keys.length === 0) return done;
    world.finish(worker, keys);
    done += keys.length;
  }
}

/** Two workers that have shown how fast they are, and have parts ahead. */
function busyWorld(): { world: World; blocked: Played; other: Played; client: Played } {
  const world = new World();
  const [blocked, other] = [world.worker('blocked'), world.worker('other')];
  const client = world.client();
  world.open(client, 1, { results: 5_000 });
  world.jobs(client, 2, { end: false });
  world.flush();
  for (const worker of [blocked, other]) world.finish(worker, [world.parts(worker)[0]?.key as number]);
  for (const worker of [blocked, other]) worker.got.splice(0);
  world.jobs(client, 60, { first: 2 });
  world.flush();
  return { world, blocked, other, client };
}

describe('a worker that does not answer', () => {
  it('loses what it has not begun, and gets none of it again', () => {
    const { world, blocked, other, client } = busyWorld();
    const has = world.parts(blocked).length;
    expect(has).toBeGreaterThan(10);
    for (let round = 0; round < 100; round += 1) {
      work(world, other);
      world.pass(20);
    }
    expect(world.parts(blocked).length).toBe(has);
    expect(world.entries(client).length).toBe(61);
    expect(world.state.status).toMatchObject({ queued: 0, placed: 1 });
  });

  it('gets parts again as soon as it is heard of', () => {
    const { world, blocked, other, client } = busyWorld();
    for (let round = 0; round < 100; round += 1) {
      work(world, other);
      world.pass(20);
    }
    const first = world.parts(blocked)[0]?.key as number;
    const aborted = blocked.got.flatMap((record) => (record.kind === 'abort' ? record.keys : []));
    blocked.got.splice(0);
    world.finish(blocked, [first]);
    world.report(blocked, { kind: 'returned', keys: aborted, attempts: aborted.map(() => 1) });
    world.open(client, 2);
    world.jobs(client, 2, { stream: 2 });
    world.flush();
    expect(world.parts(blocked).length).toBe(1);
  });
});

describe('parts by PUSH that nobody accepts', () => {
  it('go to those that idle, by address, until all are heard of again', () => {
    const world = new World({ policy: roundRobin() });
    const [blocked, other] = [world.worker('blocked'), world.worker('other')];
    const client = world.client();
    world.feed({ type: 'pushPeers', count: 2, strangers: 0 });
    world.open(client);
    world.jobs(client, 4);
    world.flush();
    const pushed = world.log.flatMap(({ instructions }) => instructions).flatMap((one) => (one.type === 'push' ? one.records : []));
    const [mine, lost] = pushed.flatMap((record) => (record.kind === 'parts' ? record.keys : [])) as [number, number];
    world.report(blocked, { kind: 'accepted', keys: [mine], attempts: [1] });
    world.pass(1_000);
    expect(blocked.got).toContainEqual({ kind: 'revoke', keys: [] });
    expect(world.parts(other).map(({ key, attempt }) => ({ key, attempt }))).toEqual([{ key: lost, attempt: 2 }]);
    expect(work(world, other)).toBe(3);
    // It was only busy: its answer brings PUSH back.
    world.report(blocked, { kind: 'returned', keys: [], attempts: [] });
    world.finish(blocked, [mine]);
    world.log.splice(0);
    world.open(client, 2);
    world.jobs(client, 2, { stream: 2 });
    world.flush();
    expect(world.log.flatMap(({ instructions }) => instructions).filter((one) => one.type === 'push')).toHaveLength(2);
    expect(world.entries(client)).toHaveLength(4);
  });
});
