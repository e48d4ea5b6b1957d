import { expect, it } from 'vitest';
import { Master } from '../../src/master/master.ts';
import { MasterPool } from '../../src/pools/master_pool.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { keepsLines } from '../integration/helpers.ts';

const ADDRESS = 'memory://mill';

it('a master that comes and does not take a job that was submitted: that is said, and the other is there', async () => {
  const network = new MemoryNetwork();
  const masterOf = async (maxBufferBytes: number): Promise<Master> => {
    const master = new Master({ name: 'mill', address: ADDRESS, transport: network.transport(), logger: false, maxBufferBytes });
    await master.start();
    return master;
  };
  const logger = keepsLines();
  const first = await masterOf(1_000_000);
  await using pool = new MasterPool({ address: ADDRESS, transport: network.transport(), logger });
  await pool.submit('foo', Buffer.alloc(100_000), { id: 'large' });
  await pool.submit('foo', 'x', { id: 'small' });
  await first.stop({ deadlineMs: 0 });
  const second = await masterOf(50_000);
  await expect
    .poll(() => logger.lines.filter((line) => line.includes('lost')))
    .toEqual([
      'the job large is lost: the master that came does not take it: submit: a job of 100512 bytes; jobs of 0 bytes wait at this master already, it holds at most 50000 (maxBufferBytes)',
    ]);
  expect(await pool.fetch('large')).toBe(undefined);
  expect(await pool.fetch('small')).toMatchObject({ status: 'queued' });
  await second.stop({ deadlineMs: 0 });
});
