/** Processes that go, in order and not, while streams run. What comes back is compared by content. */
import { describe, expect, it } from 'vitest';
import { clientOf, collect, expectEach, jobs, texts } from './helpers.ts';
import { type Cluster, startCluster } from './processes.ts';

const POLICIES = ['leastLoaded', 'roundRobin'] as const;

/** Streams jobs to a function that takes about a millisecond; at the result of this number something happens. */
async function streamed(cluster: Cluster, name: string, count: number, at: number, happens: () => void): Promise<string[]> {
  const results: string[] = [];
  for await (const result of clientOf(cluster).job(name, jobs(count))) {
    results.push(result.toString());
    if (results.length === at) happens();
  }
  return results;
}

describe.each(POLICIES)('with %s', (policy) => {
  it.each(['echo', 'briefly'])('a worker that is killed in the midst of a stream of %s: every result once', async (name) => {
    await using cluster = await startCluster({ workers: 3, policy, slots: 2 });
    const count = name === 'echo' ? 20_000 : 1_000;
    const results = await streamed(cluster, name, count, 300, () => cluster.workers[0]?.kill('SIGKILL'));
    expectEach(results, jobs(count));
    await cluster.master.printed(/^workerLost {"name":"worker1","reason":"lost"}/);
  });

  it('all workers but one, killed one after the other: every result once', async () => {
    await using cluster = await startCluster({ workers: 4, policy });
    const results: string[] = [];
    for await (const result of clientOf(cluster).job('briefly', jobs(1_500))) {
      results.push(result.toString());
      if (results.length % 300 === 0 && results.length < 1_000) cluster.workers[results.length / 300]?.kill('SIGKILL');
    }
    expectEach(results, jobs(1_500));
  });

  it('the last worker is killed, and another comes: every result once', async () => {
    await using cluster = await startCluster({ workers: 1, policy });
    const results = await streamed(cluster, 'briefly', 1_000, 200, () => {
      cluster.workers[0]?.kill('SIGKILL');
      cluster.startWorker();
    });
    expectEach(results, jobs(1_000));
  });

  it('a worker that is killed while its generators run: every result once, in order', async () => {
    await using cluster = await startCluster({ workers: 2, policy });
    const counts = Array.from({ length: 40 }, () => '200');
    const results: string[] = [];
    for await (const result of clientOf(cluster).job('slowly', counts, { ordered: true })) {
      results.push(result.toString());
      if (results.length === 1_000) cluster.workers[0]?.kill('SIGKILL');
    }
    expect(results).toEqual(counts.flatMap(() => Array.from({ length: 200 }, (_, i) => `${i}`)));
  });

  it('a worker that is asked to stop (SIGTERM) finishes what runs, hands back the rest, and exits with 0', async () => {
    await using cluster = await startCluster({ workers: 2, policy, slots: 2 });
    const results = await streamed(cluster, 'briefly', 1_000, 200, () => cluster.workers[0]?.kill('SIGTERM'));
    expectEach(results, jobs(1_000));
    expect(await cluster.workers[0]?.ended).toEqual({ code: 0, signal: null });
    await cluster.master.printed(/^workerLost {"name":"worker1","reason":"left"}/);
  });

  it('the master is killed and another takes its place in the midst of a stream: it ends, every result once', async () => {
    await using cluster = await startCluster({ workers: 2, policy });
    for (const [name, count] of [
      ['echo', 20_000],
      ['briefly', 1_000],
    ] as const) {
      const results = await streamed(cluster, name, count, 300, () => {
        cluster.master.kill('SIGKILL');
        void cluster.master.ended.then(() => cluster.startMaster());
      });
      expectEach(results, jobs(count));
      await cluster.master.printed(/^workerJoined/, 2);
    }
  });

  it('the master is killed and comes again, while generators run: every result once, in order', async () => {
    await using cluster = await startCluster({ workers: 2, policy });
    const counts = Array.from({ length: 30 }, (_, i) => String(100 + i));
    const results: string[] = [];
    for await (const result of clientOf(cluster).job('slowly', counts, { ordered: true })) {
      results.push(result.toString());
      if (results.length !== 1_000) continue;
      cluster.master.kill('SIGKILL');
      await cluster.master.ended;
      cluster.startMaster();
    }
    expect(results).toEqual(counts.flatMap((count) => Array.from({ length: Number(count) }, (_, i) => `${i}`)));
  });

  it('the master that is asked to stop lets the stream end, takes no other, and exits with 0', async () => {
    await using cluster = await startCluster({ workers: 2, policy });
    const results = await streamed(cluster, 'briefly', 1_000, 200, () => cluster.master.kill('SIGTERM'));
    expectEach(results, jobs(1_000));
    expect(await cluster.master.ended).toEqual({ code: 0, signal: null });
    expect(cluster.master.count(/^closed {}/)).toBe(1);
  });
});

describe('the master', () => {
  it('gives up at its deadline what has not ended, and exits with 0; another one goes on with it', async () => {
    await using cluster = await startCluster({ workers: 1 });
    const waiting = collect(clientOf(cluster).job('waits', ['a']));
    waiting.catch(() => undefined);
    await cluster.workers[0]?.printed(/^waits a/);
    const before = performance.now();
    // A deadline of half a second.
    cluster.master.kill('SIGHUP');
    expect(await cluster.master.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - before).toBeGreaterThan(495);
    cluster.startMaster();
    // The new master's life makes the worker end what ran for the old one, and the client send its job again.
    await cluster.workers[0]?.printed(/^aborted a/);
    await cluster.workers[0]?.printed(/^waits a/, 2);
  });

  it('and its workers that are asked to stop at the same time are all gone soon, with 0', async () => {
    await using cluster = await startCluster({ workers: 3 });
    expect(await texts(clientOf(cluster).job('echo', jobs(100)))).toHaveLength(100);
    for (const running of [cluster.master, ...cluster.workers]) running.kill('SIGINT');
    const exits = await Promise.all([cluster.master, ...cluster.workers].map((running) => running.ended));
    expect(exits).toEqual([1, 2, 3, 4].map(() => ({ code: 0, signal: null })));
  });
});

describe('a worker', () => {
  it('is asked to stop while nobody is there, and exits soon', async () => {
    await using cluster = await startCluster({ workers: 1 });
    const worker = cluster.workers[0];
    cluster.master.kill('SIGKILL');
    await worker?.printed(/^waiting for a master/);
    worker?.kill('SIGTERM');
    expect(await worker?.ended).toEqual({ code: 0, signal: null });
    const fresh = cluster.startWorker();
    await fresh.printed(/^waiting for a master/);
    fresh.kill('SIGINT');
    await fresh.ended;
  });

  it('that runs a function that kills it fails the job with worker-lost, after three of them', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster({ workers: 4 });
    const client = clientOf(cluster);
    const [settled] = await collect(client.job('dies', ['x'], { settle: true }));
    expect(settled).toMatchObject({ status: 'rejected', reason: { code: 'worker-lost', function: 'dies', attempts: 3 } });
    expect(String(await client.call('echo', 'the fourth is there'))).toBe('the fourth is there');
    expect(await client.status()).toMatchObject({ workers: [{ state: 'joined' }] });
  });
});

describe('a client', () => {
  it('that is killed leaves: what runs for it is told, what waits is dropped', async () => {
    await using cluster = await startCluster({ workers: 1, options: { clientReconnectMs: 300 } });
    const client = cluster.node('test/integration/fixtures/client.mjs', ['job', cluster.address, 'waits', '100']);
    await cluster.workers[0]?.printed(/^waits job 0/);
    client.kill('SIGKILL');
    await cluster.master.printed(/^clientLeft .*"reason":"lost"/);
    await cluster.workers[0]?.printed(/^aborted job 0/);
    const other = clientOf(cluster);
    expect(String(await other.call('echo', 'x'))).toBe('x');
    expect(await other.status()).toMatchObject({ streams: [], queued: 0 });
    expect(cluster.workers[0]?.count(/^waits/)).toBe(1);
  });

  it('that a SIGINT ends is the same', async () => {
    await using cluster = await startCluster({ workers: 1, options: { clientReconnectMs: 300 } });
    const client = cluster.node('test/integration/fixtures/client.mjs', ['job', cluster.address, 'waits', '100']);
    await cluster.workers[0]?.printed(/^waits job 0/);
    client.kill('SIGINT');
    expect(await client.ended).toEqual({ code: null, signal: 'SIGINT' });
    await cluster.master.printed(/^clientLeft .*"reason":"lost"/);
    await cluster.workers[0]?.printed(/^aborted job 0/);
  });

  it('that closes at a SIGINT says goodbye, ends with ClosedError, and exits by itself', async () => {
    await using cluster = await startCluster({ workers: 1 });
    const client = cluster.node('test/integration/fixtures/client.mjs', ['handles-sigint', cluster.address, 'waits', '100']);
    await cluster.workers[0]?.printed(/^waits job 0/);
    client.kill('SIGINT');
    expect(await client.ended).toEqual({ code: 0, signal: null });
    expect(client.out).toContain('ended with closed');
    await cluster.master.printed(/^clientLeft .*"reason":"left"/);
    await cluster.workers[0]?.printed(/^aborted job 0/);
  });
});
