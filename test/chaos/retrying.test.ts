import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import { random } from './random.ts';
import { end, everyResult, everyResultOf, startWorld, within } from './world.ts';

const RETRIES = { attempts: 8, minMs: 1, maxMs: 20, factor: 2 };

describe('retries', () => {
  it('of functions that throw or take too long lose and double nothing while workers are killed and connections cut', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 4, proxies: true });
    const options = { retries: { ...RETRIES, on: ['function-threw', 'timed-out'] }, timeoutMs: 300, ahead: 100 } as const;
    const throwing = world.startClient({ function: 'moody', ...options });
    const hanging = world.startClient({ function: 'dawdles', ...options });
    await within(20_000, Promise.all([throwing.printed(/^at /), hanging.printed(/^at /)]), 'results');
    for (let faults = 0; faults < 6; faults += 1) {
      if (faults % 2 === 0) {
        world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0]?.kill('SIGKILL');
        world.startWorker();
      } else world.proxies[dice.pick(['client', 'control', 'pull'] as const)].cut();
      await pass(dice.between(100, 300));
    }
    const more = [throwing, hanging].map((client) => client.printed(/^at /, client.count(/^at /) + 2));
    await within(20_000, Promise.all(more), 'results after the last fault');
    for (const client of [throwing, hanging]) {
      end(client);
      const summary = await world.finished(client);
      expect(summary).toEqual(everyResultOf(summary));
    }
  });

  it('are for functions that threw only, unless asked otherwise; one that ignores its time-out keeps its slot, and is reported so', async () => {
    await using world = await startWorld({ workers: 1, slots: 2 });
    const client = world.startClient({ function: 'stubborn', prefix: '60000 ', jobs: 1, retries: RETRIES, timeoutMs: 50, settle: true });
    expect(await world.finished(client)).toEqual({ ...everyResult(1, 0), missing: [0], failed: ['0 timed-out'] });
    expect(world.workers[0]?.count(/^stubborn/)).toBe(1);
    world.master.child.stdin?.write('status\n');
    await within(5_000, world.master.printed(/^status/), 'the status');
    expect(world.master.out).toMatch(/"running":1,"abandoned":1/);
    const next = world.startClient({ function: 'briefly', jobs: 50 });
    expect(await world.finished(next)).toEqual(everyResult(50));
  });
});

describe('single jobs that are cancelled', () => {
  it('end once, and the others come once, while workers are killed and connections cut', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 4, proxies: true });
    const client = world.startClient({ function: 'briefly', ahead: 100, cancels: { every: 10, ms: 40 } });
    await within(20_000, client.printed(/^at /), 'results');
    for (let faults = 0; faults < 4; faults += 1) {
      if (faults % 2 === 0) {
        world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0]?.kill('SIGKILL');
        world.startWorker();
      } else world.proxies[dice.pick(['client', 'control', 'pull'] as const)].cut();
      await pass(dice.between(100, 300));
    }
    await within(20_000, client.printed(/^at /, client.count(/^at /) + 2), 'results after the last fault');
    end(client);
    const summary = await world.finished(client);
    const cancelled = Math.floor(summary.sent / 10);
    expect(summary).toEqual({ ...everyResult(summary.sent, summary.sent - cancelled), cancelled });
    expect(world.workers.reduce((sum, worker) => sum + worker.count(/^aborted/), 0)).toBeGreaterThan(0);
  });
});
