import { expect, it } from 'vitest';
import { Master } from '../../src/master/master.ts';
import { MasterPool } from '../../src/pools/master_pool.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { keepsLines } from '../integration/helpers.ts';

const ADDRESS = 'memory://mill';

async function masterOf(network: MemoryNetwork, maxBufferBytes?: number): Promise<Master> {
  const master = new Master({ name: 'mill', address: ADDRESS, transport: network.transport(), logger: false, maxBufferBytes });
  await master.start();
  return master;
}

it('a master that comes and does not take a job that was submitted: that is said, and the other is there', async () => {
  const network = new MemoryNetwork();
  const logger = keepsLines();
  const first = await masterOf(network, 1_000_000);
  await using pool = new MasterPool({ address: ADDRESS, transport: network.transport(), logger });
  await pool.submit('foo', Buffer.alloc(100_000), { id: 'large' });
  await pool.submit('foo', 'x', { id: 'small' });
  await first.stop({ deadlineMs: 0 });
  const second = await masterOf(network, 50_000);
  await expect
    .poll(() => logger.lines.filter((line) => line.includes('lost')))
    .toEqual([
      'the job large is lost: the master that came does not take it: submit: a job of 100512 bytes; jobs of 0 bytes wait at this master already, it holds at most 50000 (maxBufferBytes)',
    ]);
  expect(await pool.fetch('large')).toBe(undefined);
  expect(await pool.fetch('small')).toMatchObject({ status: 'queued' });
  await second.stop({ deadlineMs: 0 });
});

it('a job that is not there at a new master may come yet: who asks for it, or cancels it, waits a moment', async () => {
  const network = new MemoryNetwork();
  const options = { address: ADDRESS, transport: network.transport(), logger: false } as const;
  const first = await masterOf(network);
  await using pool = new MasterPool(options);
  expect(await pool.fetch('first')).toBe(undefined);
  await first.stop({ deadlineMs: 0 });
  const master = await masterOf(network);
  expect(await pool.workerCount()).toBe(0);
  const found = pool.fetch('first');
  const cancelled = pool.cancel('second');
  // Its answer comes behind theirs.
  expect(await pool.workerCount()).toBe(0);
  await using producer = new MasterPool({ ...options, transport: network.transport() });
  for (const id of ['first', 'second']) await producer.submit('foo', 'x', { id });
  expect(await found).toMatchObject({ status: 'queued' });
  expect(await cancelled).toBe(true);
  expect(await pool.fetch('second')).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
  expect(await pool.cancel('second')).toBe(false);
  await master.stop({ deadlineMs: 0 });
});

it('a job that is cancelled while its master is away is cancelled', async () => {
  const network = new MemoryNetwork();
  const first = await masterOf(network);
  await using pool = new MasterPool({ address: ADDRESS, transport: network.transport(), logger: false });
  await pool.submit('foo', 'x', { id: 'one' });
  await first.stop({ deadlineMs: 0 });
  const cancelled = pool.cancel('one');
  const second = await masterOf(network);
  expect(await cancelled).toBe(true);
  expect(await pool.fetch('one')).toBe(undefined);
  await second.stop({ deadlineMs: 0 });
});

it('who waits for the end of a job hears his signal, also while there is no master', async () => {
  await using pool = new MasterPool({ address: ADDRESS, transport: new MemoryNetwork().transport(), logger: false });
  const controller = new AbortController();
  const ended = pool.ended('any', { signal: controller.signal });
  const reason = new Error('enough');
  controller.abort(reason);
  await expect(ended).rejects.toBe(reason);
});
