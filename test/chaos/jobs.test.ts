import { describe, expect, it } from 'vitest';
import type { Running } from '../integration/processes.ts';
import { random } from './random.ts';
import { end, everyResult, everyResultOf, startWorld, within } from './world.ts';

describe('a client that is killed', () => {
  it('has its parts cancelled, and does not disturb another', async () => {
    await using world = await startWorld({ workers: 2, slots: 4, master: { clientReconnectMs: 500 } });
    const other = world.startClient({ function: 'briefly', ahead: 50 });
    const client = world.startClient({ function: 'waits', jobs: 4 });
    const waiting = (): number => world.workers.reduce((sum, worker) => sum + worker.count(/^waits/), 0);
    const aborted = (): number => world.workers.reduce((sum, worker) => sum + worker.count(/^aborted/), 0);
    await expect.poll(waiting, { timeout: 10_000 }).toBe(4);
    client.kill('SIGKILL');
    await expect.poll(aborted, { timeout: 10_000 }).toBe(4);
    await within(5_000, other.printed(/^at /, other.count(/^at /) + 3), 'results of the other');
    end(other);
    const summary = await world.finished(other);
    expect(summary).toEqual(everyResultOf(summary));
    expect(world.master.count(/^clientLeft .*lost/)).toBe(1);
  });
});

describe('many peers', () => {
  it('500 workers and 50 clients at once lose and double nothing', async () => {
    await using world = await startWorld({ workers: 0, slots: 1 });
    const processes = Array.from({ length: 10 }, () => world.startWorker(50));
    const clients = Array.from({ length: 5 }, () => world.startClient({ function: 'briefly', jobs: 400, clients: 10 }));
    const summaries = await Promise.all(clients.map((client) => world.finished(client, 60_000)));
    for (const summary of summaries.flat()) expect(summary).toEqual(everyResult(400));
    expect(summaries.flat()).toHaveLength(50);
    await within(30_000, Promise.all(processes.map((running) => running.printed(/^welcomed/))), 'all workers');
    expect(world.master.count(/^workerJoined/)).toBe(500);
    expect(world.master.count(/^workerLost/)).toBe(0);
  });
});

describe('a poison job', () => {
  it('kills three workers, fails, and takes no good one along', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3, slots: 2 });
    let deaths = 0;
    const replace = (worker: Running): void => {
      void worker.ended.then(({ signal }) => {
        if (signal !== 'SIGKILL' || over) return;
        deaths += 1;
        replace(world.startWorker());
      });
    };
    let over = false;
    for (const worker of world.workers) replace(worker);
    const client = world.startClient({
      function: 'briefly',
      jobs: 1_001,
      ahead: 100,
      settle: true,
      special: { at: dice.between(100, 900), function: 'poison' },
    });
    const summary = await world.finished(client, 30_000);
    over = true;
    const poison = summary.failed[0]?.split(' ')[0];
    expect(summary).toEqual({
      sent: 1_001,
      results: 1_000,
      missing: [Number(poison)],
      doubled: [],
      strange: [],
      failed: [`${poison} worker-lost`],
    });
    expect(deaths).toBe(3);
    expect(world.workers.reduce((sum, worker) => sum + worker.count(/^poisoned/), 0)).toBe(3);
  });
});

describe('nested calls', () => {
  it('three deep end on one worker with one slot', async () => {
    await using world = await startWorld({ workers: 1 });
    const client = world.startClient({ function: 'nested', prefix: '3 ', expect: 'nested', jobs: 200 });
    expect(await world.finished(client)).toEqual(everyResult(200));
  });

  it('three deep survive the death of workers with one slot', async (context) => {
    const dice = random(context);
    await using world = await startWorld({ workers: 3 });
    const client = world.startClient({ function: 'nested', prefix: '3 ', expect: 'nested', ahead: 20 });
    for (let kills = 0; kills < 3; kills += 1) {
      await within(10_000, client.printed(/^at /, client.count(/^at /) + dice.between(1, 3)), 'results');
      world.workers.splice(dice.between(0, world.workers.length - 1), 1)[0]?.kill('SIGKILL');
      world.startWorker();
    }
    await within(10_000, client.printed(/^at /, client.count(/^at /) + 2), 'results');
    end(client);
    const summary = await world.finished(client);
    expect(summary).toEqual(everyResultOf(summary));
  });
});
