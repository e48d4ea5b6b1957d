import { describe, expect, it } from 'vitest';
import { clientOf, collect, jobErrorOf, texts } from './helpers.ts';
import { startCluster } from './processes.ts';

const scattering = { master: 'scattering' } as const;

describe('gather', () => {
  it('that yields a new message delivers the new one', async () => {
    await using cluster = await startCluster(scattering);
    expect(await texts(clientOf(cluster).job('echo', ['a rename b']))).toEqual(['a', 'renamed', 'b', 'end of 0']);
  });

  it('that yields none delivers none, and the stream ends', async () => {
    await using cluster = await startCluster(scattering);
    const client = clientOf(cluster);
    expect(await texts(client.job('echo', ['drop a drop']))).toEqual(['a', 'end of 0']);
    expect(await texts(client.job('echo', ['nothing']))).toEqual([]);
    expect(await texts(client.job('count', ['0']))).toEqual([]);
    expect(await texts(client.job('echo', ['nothing', 'a', 'nothing'], { ordered: true }))).toEqual(['a', 'end of 1']);
  });

  it('is told once for each job which result is its last, whatever the order of the parts', async () => {
    await using cluster = await startCluster({ ...scattering, workers: 3, slots: 4 });
    const items = Array.from({ length: 200 }, (_, i) => `${(i * 7) % 5}ms 0ms ${(i * 3) % 4}ms`);
    const results = await texts(clientOf(cluster).job('sleeps', items));
    expect(results).toHaveLength(800);
    const ends = results.filter((text) => text.startsWith('end of'));
    expect(ends.toSorted()).toEqual(items.map((_, i) => `end of ${i}`).toSorted());
    // A job is delivered whole: what comes before its end are its own results.
    for (let at = 0; at < results.length; at += 4) {
      const job = Number((results[at + 3] as string).slice('end of '.length));
      expect(results.slice(at, at + 3).toSorted()).toEqual((items[job] as string).split(' ').toSorted());
    }
  });

  it('that throws fails its job with its phase, and the master goes on', async () => {
    await using cluster = await startCluster(scattering);
    const client = clientOf(cluster);
    const error = await jobErrorOf(client.call('echo', 'gather-throws'), 'function-threw');
    expect(error).toMatchObject({ function: 'echo', phase: 'gather', index: 0, worker: undefined });
    expect(error.message).toContain('gather is out of order');
    expect(error.remoteStack).toContain('scattering_master.mjs');
    expect(await texts(client.job('echo', ['next']))).toEqual(['next', 'end of 0']);
  });

  it('and functions that fail: the job has the error of the worker', async () => {
    await using cluster = await startCluster(scattering);
    const client = clientOf(cluster);
    const error = await jobErrorOf(client.call('breaks', '2'), 'function-threw');
    expect(error).toMatchObject({ function: 'breaks', worker: 'worker1', phase: undefined });
    expect(await texts(client.job('echo', ['next']))).toEqual(['next', 'end of 0']);
  });
});

describe('scatter', () => {
  it('that throws fails its job with its phase, and the master goes on', async () => {
    await using cluster = await startCluster(scattering);
    const client = clientOf(cluster);
    const settled = await collect(client.job('echo', ['a', 'scatter throws', 'b'], { settle: true, ordered: true }));
    expect(settled.map((one) => [one.job.index, one.status === 'fulfilled' ? String(one.value) : one.reason])).toMatchObject([
      [0, 'a'],
      [0, 'end of 0'],
      [1, { code: 'function-threw', phase: 'scatter', function: 'echo', message: expect.stringContaining('scatter is out of order') }],
      [2, 'b'],
      [2, 'end of 2'],
    ]);
  });

  it('makes many messages of one, over many workers, within credit', async () => {
    await using cluster = await startCluster({ ...scattering, workers: 2 });
    const words = Array.from({ length: 20_000 }, (_, i) => `w${i}`);
    const results = await texts(clientOf(cluster).job('echo', [words.join(' ')]));
    expect(results).toHaveLength(20_001);
    expect(new Set(results)).toEqual(new Set([...words, 'end of 0']));
  });

  it('to a function that nobody serves: the job fails, others go on', async () => {
    await using cluster = await startCluster(scattering);
    const client = clientOf(cluster);
    const error = await jobErrorOf(client.call('echo', 'a unknown b'), 'unknown-function');
    expect(error.function).toBe('unknown');
    expect(await texts(client.job('echo', ['next']))).toEqual(['next', 'end of 0']);
  });
});
