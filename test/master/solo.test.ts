import { expect, it } from 'vitest';
import { leastLoaded } from '../../src/scheduling/least_loaded.ts';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { deliver } from './quick.ts';
import { type Played, World } from './world.ts';

it('a part that runs alone since its worker was lost, and waits for its consumer, does not cost others the worker', () => {
  const world = new World();
  const [slow, other] = [world.client('slow'), world.client('other')];
  const first = world.worker('first');
  world.open(slow, 1, { results: 1 });
  world.jobs(slow, 1);
  world.flush();
  expect(world.parts(first)).toHaveLength(1);
  world.lose(first);
  world.pass(1_000);

  const second = world.worker('second');
  world.flush();
  const [alone] = world.parts(second);
  expect(alone).toMatchObject({ job: 0, attempt: 2 });
  world.open(other);
  world.jobs(other, 1);
  world.flush();
  expect(world.parts(second)).toHaveLength(1);

  const key = alone?.key as number;
  world.finish(second, [key], { end: false });
  world.report(second, { kind: 'hungry', keys: [key], bytes: [0] }, { kind: 'lent', count: 1 });
  world.flush();
  expect(world.parts(second)).toHaveLength(2);
});

it.each([
  ['leastLoaded', leastLoaded],
  ['roundRobin', roundRobin],
] as const)('%s(): what a part that runs alone calls is run there, since it lends its slot meanwhile', (_, policy) => {
  const world = new World({ policy: policy() });
  world.feed({ type: 'pushPeers', count: 1, strangers: 0 });
  const client = world.client();
  const given = (worker: Played): number => {
    world.flush();
    deliver(world, [worker]);
    return world.parts(worker).length;
  };
  const first = world.worker('first');
  world.open(client);
  world.jobs(client, 1);
  expect(given(first)).toBe(1);
  world.lose(first);
  world.pass(1_000);

  const second = world.worker('second');
  expect(given(second)).toBe(1);
  world.open(second);
  world.jobs(second, 2);
  expect(given(second)).toBe(1);
  world.report(second, { kind: 'lent', count: 1 });
  expect(given(second)).toBe(2);
});
