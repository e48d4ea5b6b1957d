import { expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import { startCluster } from './processes.ts';

it('the first request after connecting is never lost: a thousand fresh clients in turn, one call each', { timeout: 60_000 }, async () => {
  await using cluster = await startCluster({ workers: 2 });
  for (let i = 0; i < 1_000; i += 1) {
    const client = new Client({ address: cluster.address, logger: false });
    expect(String(await client.call('echo', `call ${i}`))).toBe(`call ${i}`);
    await client.close();
  }
  await cluster.master.printed(/^clientLeft .*"left"/, 1_000);
  expect(cluster.master.count(/^clientJoined/)).toBe(1_000);
  expect(cluster.master.count(/^clientLeft .*"lost"/)).toBe(0);
});

it('fifty clients that connect at once, before the master is there, are all answered', async () => {
  await using cluster = await startCluster();
  cluster.master.kill('SIGKILL');
  await cluster.master.ended;
  const clients = Array.from({ length: 50 }, () => cluster.uses(new Client({ address: cluster.address, logger: false })));
  const answers = Promise.all(clients.map((client, i) => client.call('echo', `${i}`)));
  await cluster.startMaster().printed(/^listening/);
  expect((await answers).map(String)).toEqual(clients.map((_, i) => `${i}`));
});
