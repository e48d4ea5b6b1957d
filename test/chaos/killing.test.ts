import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import { random } from './random.ts';
import { end, everyResult, everyResultOf, startWorld, within } from './world.ts';

describe('kill -9', () => {
  it.for([
    { jobs: 20_000, policy: 'leastLoaded' },
    { jobs: 8_000, policy: 'roundRobin' },
  ] as const)('of random workers, again and again, loses and doubles nothing of $jobs jobs: $policy', async ({ jobs, policy }, context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 4, slots: 4, policy });
    const client = world.startClient({ function: 'briefly', jobs });
    const ended = new AbortController();
    const summary = world.finished(client, 40_000).finally(() => ended.abort());
    let kills = 0;
    await within(10_000, client.printed(/^at /), 'results');
    for (; !ended.signal.aborted; kills += 1) {
      // A job that stood on three killed workers fails, as it should: what stood on this one has run elsewhere before the next is killed.
      const further = client.printed(/^at /, client.count(/^at /) + 4).catch(() => summary);
      world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0]?.kill('SIGKILL');
      world.startWorker();
      await Promise.race([summary, Promise.all([further, pass(dice.between(200, 500))])]);
    }
    expect(await summary).toEqual(everyResult(jobs));
    expect(kills).toBeGreaterThan(3);
  });

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
