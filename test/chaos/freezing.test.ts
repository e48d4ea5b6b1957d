import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import type { Running } from '../integration/processes.ts';
import { random } from './random.ts';
import { end, everyResult, everyResultOf, startWorld, within } from './world.ts';

/** The transport's: a connection whose peer answers no ping for so long is cut. */
const HEARTBEAT_TIMEOUT_MS = 1_500;

const POLICIES = ['leastLoaded', 'roundRobin'] as const;

describe.concurrent('a frozen worker', () => {
  it.for(POLICIES)('is taken for lost, and what it still reports when it goes on doubles nothing (%s)', async (policy) => {
    await using world = await startWorld({ workers: 2, slots: 2, policy });
    const client = world.startClient({ function: 'slowly', prefix: '200 ', ahead: 12 });
    const [frozen] = world.workers as [Running];
    await frozen.printed(/^begins/, 3);
    const begun = frozen.count(/^begins/);
    frozen.kill('SIGSTOP');
    await within(10_000, world.master.printed(/^workerLost .*worker1/), 'the loss of the frozen worker');
    frozen.kill('SIGCONT');
    await within(5_000, frozen.printed(/^connected anew/), 'its return');
    await within(5_000, frozen.printed(/^begins/, begun + 3), 'its next parts');
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });

  it.for(POLICIES)('for random times around the time-out loses and doubles nothing (%s)', async (policy, context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 2, policy });
    const client = world.startClient({ function: 'briefly' });
    await client.printed(/^at /);
    await Promise.all(
      world.workers.slice(1).map(async (worker) => {
        for (const ms of [dice.between(100, 1_400), dice.between(1_400, 3_000)]) {
          worker.kill('SIGSTOP');
          await pass(ms);
          worker.kill('SIGCONT');
          await pass(dice.between(0, 300));
        }
      }),
    );
    await within(5_000, client.printed(/^at /, client.count(/^at /) + 3), 'results');
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });
});

describe.concurrent('a function that blocks its event loop', () => {
  it.for(POLICIES)('is not taken for dead, runs once, and what waits behind it runs elsewhere (%s)', async (policy) => {
    await using world = await startWorld({ workers: 2, policy, master: { historyLimit: 5_000 } });
    const stream = world.startClient({ function: 'echo' });
    await stream.printed(/^at /, 50);
    const blocker = world.startClient({ function: 'blocks', prefix: `${3 * HEARTBEAT_TIMEOUT_MS} `, jobs: 1 });
    const count = (pattern: RegExp): number => world.workers.reduce((sum, worker) => sum + worker.count(pattern), 0);
    await within(5_000, Promise.any(world.workers.map((worker) => worker.printed(/^begins/))), 'the blocking function');
    end(stream);
    const summary = await world.finished(stream, 3_000);
    expect(count(/^ends/)).toBe(0);
    expect(summary).toEqual(everyResultOf(summary));
    expect(await world.finished(blocker)).toEqual(everyResult(1));
    expect(count(/^begins/)).toBe(1);
    expect(world.master.count(/^workerLost/)).toBe(0);
  });
});
