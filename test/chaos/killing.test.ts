import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import { random } from './random.ts';
import { end, expectAll, expectAllSent, startWorld, within } from './world.ts';

describe('kill -9', () => {
  it('of random workers, again and again, loses and doubles nothing of 20,000 jobs', async () => {
    const dice = random();
    await using world = await startWorld({ workers: 4, slots: 4 });
    const client = world.startClient({ function: 'briefly', jobs: 20_000 });
    let over = false;
    const summary = world.finished(client, 40_000).finally(() => (over = true));
    let kills = 0;
    await client.printed(/^at /);
    while (!over) {
      const victim = world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0];
      victim?.kill('SIGKILL');
      kills += 1;
      world.startWorker();
      await Promise.race([summary, pass(dice.between(200, 500))]);
    }
    expectAll(await summary, 20_000);
    expect(kills).toBeGreaterThan(5);
  }, 60_000);

  it.each([
    { kind: 'plain', expect: 'same' },
    { kind: 'merging', expect: 'merged' },
  ] as const)(
    'of the master in mid-stream, twice, loses and doubles nothing: $kind',
    async (one) => {
      const dice = random();
      await using world = await startWorld({ workers: 2, slots: 4, kind: one.kind });
      const client = world.startClient({ function: 'briefly', expect: one.expect });
      for (let times = 1; times <= 2; times += 1) {
        await within(15_000, client.printed(/^at /, client.count(/^at /) + dice.between(2, 6)), 'results');
        world.master.kill('SIGKILL');
        await world.master.ended;
        world.startMaster();
        await within(15_000, client.printed(/^connected anew/, times), 'the new master');
      }
      await within(15_000, client.printed(/^at /, client.count(/^at /) + 3), 'results');
      end(client);
      expectAllSent(await world.finished(client));
    },
    60_000,
  );
});
