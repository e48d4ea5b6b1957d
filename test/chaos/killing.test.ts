import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import { random } from './random.ts';
import { end, everyResultOf, startWorld, within } from './world.ts';

describe('kill -9', () => {
  it.for(['leastLoaded', 'roundRobin'] as const)(
    'of two random workers, eight times, loses and doubles nothing: %s',
    async (policy, context) => {
      const dice = random(context);
      await using world = await startWorld({ workers: 4, slots: 4, policy });
      const client = world.startClient({ function: 'briefly' });
      await within(10_000, client.printed(/^at /), 'results');
      for (let times = 1; times <= 8; times += 1) {
        for (let kills = 0; kills < 2; kills += 1) {
          // Not one that was just started: nobody would know of its loss.
          world.workers.splice(dice.between(0, world.workers.length - 1 - kills), 1)[0]?.kill('SIGKILL');
          world.startWorker();
          await pass(dice.between(0, 400));
        }
        // A job that stood on three killed workers fails, as it should: what stood on these has run elsewhere before the next are killed.
        await within(20_000, world.master.printed(/^workerLost/, 2 * times), 'the news of two lost workers');
        await within(20_000, world.master.printed(/^workerJoined/, 4 + 2 * times), 'two new workers');
        await within(20_000, client.printed(/^at /, client.count(/^at /) + 4), 'further results');
      }
      end(client);
      const summary = await world.finished(client, 40_000);
      expect(summary).toEqual(everyResultOf(summary));
      expect(summary.sent).toBeGreaterThan(8 * 300);
    },
  );

  it.for([
    { kind: 'plain', expect: 'same', policy: 'leastLoaded' },
    { kind: 'plain', expect: 'same', policy: 'roundRobin' },
    { kind: 'merging', expect: 'merged', policy: 'leastLoaded' },
  ] as const)('of the master in mid-stream, twice, loses and doubles nothing: $kind, $policy', async (one, context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 2, slots: 4, kind: one.kind, policy: one.policy });
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
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });
});
