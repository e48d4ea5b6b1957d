import { describe, expect, it } from 'vitest';
import type { Running } from '../integration/processes.ts';
import { type Random, random } from './random.ts';
import { end, everyResult, everyResultOf, startWorld, within, type World } from './world.ts';

const WAIT_MS = 30_000;

/** All of them are welcomed by another master while something happens. */
async function anew(peers: readonly Running[], what: string, happens: () => unknown): Promise<void> {
  const moves = peers.map((peer) => peer.printed(/^connected anew/, peer.count(/^connected anew/) + 1));
  await happens();
  await within(WAIT_MS, Promise.all(moves), what);
}

async function kill(world: World, at: number): Promise<void> {
  world.masters[at]?.kill('SIGKILL');
  await world.masters[at]?.ended;
}

describe.concurrent('a list of masters', () => {
  async function story(world: World, clients: readonly Running[], dice: Random): Promise<void> {
    const everybody = [...clients, ...world.workers];
    await world.results(clients, dice.between(1, 4), 'of the first');
    await anew(everybody, 'everybody at the second', () => kill(world, 0));
    await world.results(clients, dice.between(1, 4), 'of the second');
    await anew(everybody, 'everybody back at the first', () => world.startMaster(0));
    await world.results(clients, dice.between(1, 4), 'of the first, which is back');
    await anew(everybody, 'everybody at the second again', () => kill(world, 0));
    await world.results(clients, dice.between(1, 4), 'of the second again');
    await anew(everybody, 'everybody at the first again', async () => {
      await kill(world, 1);
      world.startMaster(0);
    });
    await world.results(clients, 3, 'at the end');
  }

  it.for([
    { kind: 'plain', expect: 'same', policy: 'leastLoaded' },
    { kind: 'plain', expect: 'same', policy: 'roundRobin' },
    { kind: 'merging', expect: 'merged', policy: 'leastLoaded' },
  ] as const)(
    'of which one after the other is killed and started again loses and doubles nothing: $kind, $policy',
    async (one, context) => {
      const { kind, policy } = one;
      await using world = await startWorld({ masters: 2, workers: 3, slots: 4, kind, policy });
      const clients = Array.from({ length: 2 }, () => world.startClient({ function: 'briefly', expect: one.expect, ahead: 500 }));
      await story(world, clients, random(context));
      for (const client of clients) {
        end(client);
        const summary = await world.finished(client);
        expect(summary).toEqual(everyResultOf(summary));
      }
    },
  );

  it('of which all are killed at once is tried until one of them is there', async () => {
    await using world = await startWorld({ masters: 2, workers: 2, slots: 2 });
    const client = world.startClient({ function: 'briefly', ahead: 100 });
    await world.results([client], 1, 'of the first');
    await Promise.all([kill(world, 0), kill(world, 1)]);
    await anew([client, ...world.workers], 'everybody at the second', () => world.startMaster(1));
    await world.results([client], 3, 'of the second');
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });

  it('brings together those that went to different ones', async () => {
    await using world = await startWorld({ masters: 2, workers: 2, slots: 2 });
    await anew(world.workers, 'the workers at the second', () => kill(world, 0));
    await within(WAIT_MS, world.startMaster(0).printed(/^listening/), 'the first');
    const client = world.startClient({ function: 'briefly', jobs: 500 });
    expect(await world.finished(client)).toEqual(everyResult(500));
  });
});
