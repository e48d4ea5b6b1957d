/** Leaving in order, at whatever moment. */
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Master, Worker } from '../../src/index.ts';
import { thrownBy } from './helpers.ts';
import { freeAddress } from './ports.ts';
import { Processes } from './processes.ts';

const WORKERS = 60;

class Fixture extends Worker {
  foo(message: Buffer): Buffer {
    return message;
  }
}

it('a worker that is stopped at any moment of its start leaves in order, or was never there', async () => {
  await using processes = new Processes();
  const master = processes.uses(new Master({ name: 'master', address: await freeAddress(), logger: false }));
  await master.start();
  const joined: string[] = [];
  const left: string[] = [];
  master.events.on('workerJoined', ({ name }) => joined.push(name));
  master.events.on('workerLost', ({ name, reason }) => left.push(`${name} ${reason}`));
  for (let turns = 0; turns < WORKERS; turns += 1) {
    const worker = new Fixture({ name: `w${turns}`, address: master.address, logger: false });
    const started = worker.start().catch((error: unknown) => error);
    for (let turn = 0; turn < turns; turn += 1) await setImmediate();
    await worker.stop();
    await started;
  }
  await expect.poll(() => left).toEqual(joined.map((name) => `${name} left`));
  expect(joined.length).toBeGreaterThan(0);
});

it('a worker that is stopped before any master is there ends at once', async () => {
  const worker = new Fixture({ name: 'worker', address: await freeAddress(), logger: false });
  const started = thrownBy(worker.start());
  await worker.stop();
  expect(await started).toMatchObject({ code: 'closed' });
});
