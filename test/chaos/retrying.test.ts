import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import { random } from './random.ts';
import { cancel, end, everyResult, everyResultOf, startWorld, within } from './world.ts';

const RETRIES = { attempts: 8, minMs: 1, maxMs: 20, factor: 2 };

describe('retries', () => {
  it('of functions that throw or take too long lose and double nothing while workers are killed and connections cut', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 4, proxies: true });
    const options = { retries: { ...RETRIES, on: ['function-threw', 'timed-out'] }, timeoutMs: 300, ahead: 100, tellEvery: 20 } as const;
    const throwing = world.startClient({ function: 'moody', ...options });
    const hanging = world.startClient({ function: 'dawdles', ...options });
    const clients = [throwing, hanging, world.startClient({ function: 'moody', own: true, ...options })];
    await world.results(clients, 1, 'at first');
    for (let faults = 0; faults < 6; faults += 1) {
      if (faults % 2 === 0) {
        world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0]?.kill('SIGKILL');
        world.startWorker();
      } else world.proxies[dice.pick(['client', 'control', 'pull'] as const)].cut();
      await pass(dice.between(100, 300));
    }
    await world.results(clients, 2, 'after the last fault');
    for (const client of clients) {
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
    expect((await world.status()).workers).toMatchObject([{ running: 1, abandoned: 1 }]);
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

describe('a whole stream that is cancelled', () => {
  it('lets none of its functions go on, and disturbs no other, while workers are killed and connections cut', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 4, proxies: true });
    const other = world.startClient({ function: 'briefly', ahead: 50 });
    const client = world.startClient({ function: 'waits', ahead: 4 });
    const all = (pattern: RegExp): number => world.workers.reduce((sum, worker) => sum + worker.count(pattern), 0);
    await expect.poll(() => all(/^waits/), { timeout: 10_000 }).toBe(4);
    world.workers.splice(dice.between(0, 2), 1)[0]?.kill('SIGKILL');
    world.startWorker();
    await pass(dice.between(0, 1_500));
    const { connections } = world.proxies.client;
    world.proxies.client.cut();
    await pass(dice.between(0, 30));
    cancel(client);
    await within(10_000, client.printed(/^cancelled/), 'the end of the stream');
    for (const kind of ['control', 'pull'] as const) world.proxies[kind].cut();
    await expect.poll(() => world.proxies.client.connections, { timeout: 10_000 }).toBeGreaterThan(connections);
    await expect.poll(async () => (await world.status()).streams.length, { timeout: 10_000, interval: 100 }).toBe(1);
    await expect.poll(() => all(/^waits/) - all(/^aborted/), { timeout: 10_000 }).toBe(0);
    await world.results([other], 3, 'of the other');
    for (const one of [client, other]) end(one);
    await within(10_000, client.ended, 'the end of its client');
    const summary = await world.finished(other);
    expect(summary).toEqual(everyResultOf(summary));
  });
});
