/** A part that brings workers down touches no more of them than it may, wherever among the others it stood; and those go on. */
import { describe, expect, it } from 'vitest';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import { type Played, World } from './world.ts';

/** A worker that is known to be quick, so that it is given much ahead of what it runs. */
function quick(world: World, name: string): Played {
  const worker = world.worker(name);
  const warm = world.client(`warm-${name}`);
  world.open(warm);
  world.jobs(warm, 1);
  world.flush();
  world.finish(worker, [world.parts(worker).at(-1)?.key as number], { micros: 10 });
  world.flush();
  worker.got.length = 0;
  return worker;
}

function failed(world: World, client: Played): number[] {
  return world
    .entries(client)
    .filter(({ flags }) => (flags & ENTRY.error) !== 0)
    .map(({ job }) => job);
}

const jobsOf = (world: World, worker: Played): number[] => world.parts(worker).map(({ job }) => job);

describe('parts behind the oldest of a worker that is lost', () => {
  it('go on together after one loss; what stood there twice runs alone, and fails with the next worker', () => {
    const world = new World();
    const client = world.client();
    const first = quick(world, 'first');
    world.open(client);
    world.jobs(client, 5);
    world.flush();
    expect(jobsOf(world, first)).toEqual([0, 1, 2, 3, 4]);
    const second = quick(world, 'second');
    world.lose(first);
    world.flush();
    expect(jobsOf(world, second)).toEqual([1, 2, 3, 4]);
    world.lose(second);
    const third = world.worker('third');
    world.flush();
    expect(world.parts(third)).toEqual([expect.objectContaining({ job: expect.toBeOneOf([2, 3, 4]), attempt: 3 })]);
    const alone = jobsOf(world, third);
    world.lose(third);
    world.pass(1_000);
    world.flush();
    expect(failed(world, client)).toEqual(alone);

    const fourth = world.worker('fourth');
    for (let turns = 1; turns <= 4; turns += 1) {
      world.flush();
      expect(world.parts(fourth)).toHaveLength(turns);
      world.finish(fourth, [world.parts(fourth).at(-1)?.key as number]);
    }
    world.flush();
    expect(failed(world, client)).toEqual(alone);
    expect(new Set(world.entries(client).map(({ job }) => job))).toEqual(new Set([0, 1, 2, 3, 4]));
  });

  it('are cleared by a worker that is back and says that it had not begun them', () => {
    const world = new World();
    const client = world.client();
    const worker = quick(world, 'worker');
    world.open(client);
    world.jobs(client, 3);
    world.flush();
    const keys = world.parts(worker).map(({ key }) => key);
    for (let blips = 0; blips < 3; blips += 1) {
      world.lose(worker);
      world.comeBack(worker, 'worker');
      world.report(worker, { kind: 'returned', keys: keys.slice(1), attempts: [blips + 1, blips + 1] });
      worker.got.length = 0;
      world.flush();
      expect(jobsOf(world, worker)).toEqual([1, 2]);
    }
  });
});

describe('a limit of one worker', () => {
  it('lets nothing be ahead of what runs, and fails that with its worker', () => {
    const world = new World({ crashLimit: 1 });
    const client = world.client();
    const worker = quick(world, 'worker');
    world.open(client);
    world.jobs(client, 3);
    world.flush();
    expect(jobsOf(world, worker)).toEqual([0]);
    world.lose(worker);
    world.pass(1_000);
    world.flush();
    expect(failed(world, client)).toEqual([0]);
  });

  it('sends nothing over PUSH', () => {
    const pushes = (crashLimit: number): number => {
      const world = new World({ crashLimit, policy: roundRobin() });
      const client = world.client();
      world.worker('worker');
      world.feed({ type: 'pushPeers', count: 1, strangers: 0 });
      world.open(client);
      world.jobs(client, 3);
      world.flush();
      return world.log.flatMap(({ instructions }) => instructions).filter(({ type }) => type === 'push').length;
    };
    expect(pushes(2)).toBeGreaterThan(0);
    expect(pushes(1)).toBe(0);
  });
});
