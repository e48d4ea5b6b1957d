import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import { type Direction, DIRECTIONS } from './proxy.ts';
import { type Random, random } from './random.ts';
import { end, everyResult, everyResultOf, type Kind, startWorld, type Summary, within, type World } from './world.ts';

const CUTS = 8;
/** With `leastLoaded` no parts go over PUSH. */
const CASES: readonly (readonly [Kind, 'leastLoaded' | 'roundRobin'])[] = [
  ['client', 'leastLoaded'],
  ['control', 'leastLoaded'],
  ['pull', 'leastLoaded'],
  ['client', 'roundRobin'],
  ['control', 'roundRobin'],
  ['push', 'roundRobin'],
  ['pull', 'roundRobin'],
];

/** One in three within the first bytes of a connection: its greeting, its handshake, its hello. */
function someBytes(dice: Random): number {
  return dice.between(1, 3) === 1 ? dice.between(1, 400) : dice.between(1, 30_000);
}

/** Most of what a kind of connection carries goes one way. */
function mostly(kind: Kind, policy: string, dice: Random): Direction {
  if (dice.between(1, 4) === 1) return dice.pick(DIRECTIONS);
  if (kind === 'client') return dice.pick(DIRECTIONS);
  return kind === 'push' || (kind === 'control' && policy === 'leastLoaded') ? 'down' : 'up';
}

describe('a connection that is cut at random bytes, again and again', () => {
  it.for(CASES)('loses and doubles nothing: %s, %s', async ([kind, policy], context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 2, slots: 4, policy, proxies: true });
    for (const proxy of Object.values(world.proxies)) proxy.delay(dice.pick([0, 0, 1, 5]));
    const client = world.startClient({ function: 'three', expect: 'three', results: 3, bytes: 300, ahead: 200 });
    await within(10_000, client.printed(/^at /), 'results');
    for (let cuts = 0; cuts < CUTS; cuts += 1) {
      const [bytes, direction] = [someBytes(dice), mostly(kind, policy, dice)];
      // A connection that is idle in that direction is cut by hand.
      const cut = world.proxies[kind].cutAfter(bytes, direction).then(() => true);
      if ((await Promise.race([cut, pass(300)])) !== true) world.proxies[kind].cut();
    }
    await within(10_000, client.printed(/^at /, client.count(/^at /) + 3), 'results after the last cut');
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary, 3));
  });
});

describe('a partition in one direction', () => {
  const partitions = CASES.flatMap(([kind, policy]) => DIRECTIONS.map((direction) => ({ kind, policy, direction })));

  async function partition(world: World, kind: Kind, direction: Direction): Promise<Summary> {
    const client = world.startClient({ function: 'briefly', ahead: 50 });
    // Several worlds start at once.
    await within(40_000, client.printed(/^at /), 'results');
    const { connections } = world.proxies[kind];
    world.proxies[kind].swallow(direction);
    // Somebody's heartbeat finds out, and dials again.
    await within(10_000, redialled(world, kind, connections), 'another connection');
    await world.proxies[kind].heal();
    await within(15_000, client.printed(/^at /, client.count(/^at /) + 5), 'results after it healed');
    end(client);
    return world.finished(client);
  }

  async function redialled(world: World, kind: Kind, before: number): Promise<void> {
    await expect.poll(() => world.proxies[kind].connections, { timeout: 10_000 }).toBeGreaterThan(before);
  }

  it.each(['leastLoaded', 'roundRobin'] as const)('loses and doubles nothing, whichever connection it is (%s)', async (policy) => {
    const mine = partitions.filter((one) => one.policy === policy);
    const summaries = await Promise.all(
      mine.map(async ({ kind, direction }) => {
        await using world = await startWorld({ workers: 2, slots: 2, policy, proxies: true });
        return await partition(world, kind, direction).catch((error: Error) => {
          throw new Error(`${kind} ${direction}: ${error.message}`, { cause: error });
        });
      }),
    );
    for (const summary of summaries) expect(summary).toEqual(everyResultOf(summary));
  });
});

describe.concurrent('blips', () => {
  it.for(['control', 'pull'] as const)('three of them do not fail an innocent part, nor run it again: %s', async (kind, context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 1, proxies: true });
    const client = world.startClient({ function: 'slowly', prefix: '3000 ', jobs: 1 });
    const [worker] = world.workers;
    await worker?.printed(/^begins/);
    for (let blips = 0; blips < 3; blips += 1) {
      const { connections } = world.proxies[kind];
      world.proxies[kind].cut();
      await expect.poll(() => world.proxies[kind].connections, { timeout: 5_000 }).toBeGreaterThan(connections);
      await pass(dice.between(300, 600));
    }
    expect(await world.finished(client)).toEqual(everyResult(1));
    expect(worker?.count(/^begins/)).toBe(1);
    expect(world.master.count(/^(workerLost|jobFailed)/)).toBe(0);
  });

  it('of a master that takes nobody in for a while lose nothing', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 2, slots: 2, proxies: true });
    const client = world.startClient({ function: 'briefly', ahead: 50 });
    await client.printed(/^at /);
    const { control, client: clients } = world.proxies;
    for (const proxy of [control, clients]) {
      proxy.refuse();
      proxy.cut();
      await pass(dice.between(200, 1_500));
      await proxy.heal();
    }
    await within(10_000, client.printed(/^at /, client.count(/^at /) + 5), 'results');
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });
});

describe.concurrent('large payloads', () => {
  it('of 1 MiB survive the death of workers', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 2 });
    const client = world.startClient({ function: 'echo', bytes: 1_048_576, ahead: 30 });
    for (let kills = 0; kills < 4; kills += 1) {
      await within(15_000, client.printed(/^at /, client.count(/^at /) + 1), 'results');
      await pass(dice.between(0, 100));
      world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0]?.kill('SIGKILL');
      world.startWorker();
    }
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });

  it.each([
    { way: 'there', spec: { function: 'digest', expect: 'digest', bytes: 67_108_864, jobs: 1 } },
    { way: 'back', spec: { function: 'zeros', expect: 'zeros', prefix: '67108864 ', jobs: 1 } },
  ] as const)('of 64 MiB arrive at 10 MB/s on their way $way', async ({ spec }) => {
    await using world = await startWorld({ workers: 1, proxies: true });
    for (const proxy of Object.values(world.proxies)) proxy.throttle(10_000_000);
    expect(await world.finished(world.startClient(spec), 40_000)).toEqual(everyResult(1));
    expect(world.master.count(/^(workerLost|clientLeft .*lost)/)).toBe(0);
  });
});
