import { describe, expect, it } from 'vitest';
import { clientOf, collect, jobs, keepsLines, pass, texts, thrownBy } from './helpers.ts';
import { startCluster } from './processes.ts';

describe('while no worker is up', () => {
  it('clients connect, read the cache and ask for the status', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const waiting = collect(client.job('foo', jobs(10)));
    await client.set('value', 'key');
    expect(String(await client.get('key'))).toBe('value');
    await expect.poll(async () => (await client.status())['queued']).toBe(10);
    expect(await client.status()).toMatchObject({ workers: [], streams: [{ jobs: 10, ended: 0, open: 10 }], placed: 0 });
    cluster.startWorker();
    expect(await waiting).toHaveLength(10);
  });

  it('an endless source is pulled as far as credit goes, and no further', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    let pulled = 0;
    let returned = false;
    const stream = client.job(
      'foo',
      (async function* endless() {
        try {
          for (;;) yield `${(pulled += 1)}`;
        } finally {
          returned = true;
        }
      })(),
    );
    const first = stream.next();
    // The window of 4,096 jobs that a master grants.
    await expect.poll(() => pulled).toBe(4_096);
    await expect.poll(async () => (await client.status())['queued']).toBe(4_096);
    await pass(300);
    expect(pulled).toBe(4_096);
    await stream.return?.();
    expect(await first).toEqual({ done: true, value: undefined });
    expect(returned).toBe(true);
    await expect.poll(async () => (await client.status())['queued']).toBe(0);
  });

  it('large jobs wait within the credit of bytes', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    let pulled = 0;
    const payload = Buffer.alloc(1_048_576);
    function* endless(): Generator<Buffer> {
      for (pulled = 1; ; pulled += 1) yield payload;
    }
    const stream = client.job('foo', endless());
    void stream.next();
    await expect.poll(() => pulled).toBeGreaterThanOrEqual(3);
    await pass(300);
    expect(pulled).toBeLessThanOrEqual(6);
    await stream.return?.();
  });

  it('cancelling works: abort, break of a reader that waits, close', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const controller = new AbortController();
    const aborted = thrownBy(collect(client.job('foo', jobs(5), { signal: controller.signal })));
    const called = thrownBy(client.call('foo', 'x', { signal: controller.signal }));
    await expect.poll(async () => (await client.status())['queued']).toBe(6);
    const reason = new Error('enough');
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    expect(await called).toBe(reason);
    await expect.poll(async () => (await client.status())['queued']).toBe(0);
    cluster.startWorker();
    expect(await texts(client.job('foo', ['after']))).toEqual(['worker1 processed after']);
  });

  it('says so once, after a second, on stderr of the master and to the client', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const line = /^10 jobs wait: no worker serves foo$/;
    const asked = cluster.node('test/integration/fixtures/client.mjs', ['job', cluster.address, 'foo', '10']);
    const logger = keepsLines();
    const silent = clientOf(cluster);
    void thrownBy(collect(silent.job('bar', jobs(3))));
    await Promise.all([cluster.master.printed(line), asked.printed(line)]);
    const client = clientOf(cluster, { logger });
    void thrownBy(collect(client.job('baz', jobs(1))));
    await cluster.master.printed(/^1 job waits: no worker serves baz$/);
    await expect.poll(() => logger.lines).toEqual(['1 job waits: no worker serves baz']);
    await pass(1_200);
    for (const running of [cluster.master, asked]) expect(running.count(line)).toBe(1);
    expect(cluster.master.count(/wait/)).toBe(3);
    expect(asked.count(/wait/)).toBe(1);
    expect(logger.lines).toHaveLength(1);
    cluster.startWorker();
    await asked.printed(/^result worker1 processed job 9$/);
    expect(await asked.ended).toEqual({ code: 0, signal: null });
  });
});

describe('while no master is up', () => {
  it('client and worker say once, after a second, what they wait for, and go on by themselves', async () => {
    await using cluster = await startCluster({ workers: 1 });
    cluster.master.kill('SIGKILL');
    const worker = cluster.workers[0];
    const line = new RegExp(`^waiting for a master at ${cluster.address}$`);
    const asked = cluster.node('test/integration/fixtures/client.mjs', ['job', cluster.address, 'foo', '10']);
    await Promise.all([asked.printed(line), worker?.printed(line)]);
    await pass(1_200);
    expect(asked.count(line)).toBe(1);
    expect(worker?.count(line)).toBe(1);
    cluster.startMaster();
    await asked.printed(/^result worker1 processed job/, 10);
    expect(await asked.ended).toEqual({ code: 0, signal: null });
  });

  it('a silent client is silent', async () => {
    await using cluster = await startCluster({ workers: 0 });
    cluster.master.kill('SIGKILL');
    const asked = cluster.node('test/integration/fixtures/client.mjs', ['silent', cluster.address, 'foo', '10']);
    await asked.printed(/^begun/);
    await pass(1_500);
    cluster.startMaster();
    cluster.startWorker();
    expect(await asked.ended).toEqual({ code: 0, signal: null });
    expect(asked.err).toBe('');
  });
});
