import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/index.ts';
import { clientOf, collect, jobErrorOf, texts, untilError } from './helpers.ts';
import { startCluster } from './processes.ts';

describe('a function that no worker serves', () => {
  it('is a JobError that names what is served, whatever the name is, and the worker serves the next call', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const names = ['nobody', 'start', 'stop', 'constructor', 'set', 'get', 'a.b', 'foo.call', '__proto__', 'toString', 'hasOwnProperty'];
    for (const name of [...names, '_hidden', 'accessor', 'shared', 'FOO', ' foo', 'name']) {
      const error = await jobErrorOf(client.call(name, 'x'), 'unknown-function');
      expect(error, name).toMatchObject({ function: name, index: 0, attempts: 0, worker: undefined });
      expect(error.message).toContain(`'${name}'`);
      expect(error.message).toMatch(/there are: breaks, .*\bcached, context, .*\bfoo, .*\binherited, /);
      expect(error.message).not.toMatch(/_hidden,|accessor,|constructor,|there are:.*\bstart\b/);
      expect(String(await client.call('foo', name))).toBe(`worker1 processed ${name}`);
    }
    expect(String(await client.call('inherited', 'from a base class'))).toBe('from a base class');
  });

  it('fails its own jobs only', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    const items = ['echo', 'nobody', 'echo', 'start', 'echo'].map((name, i) => ({ function: name, payload: `${i}`, key: `key ${i}` }));
    const settled = await collect(client.job(items, { settle: true, ordered: true }));
    expect(settled.map((one) => (one.status === 'fulfilled' ? String(one.value) : one.reason.code))).toEqual([
      '0',
      'unknown-function',
      '2',
      'unknown-function',
      '4',
    ]);
    expect(settled.map(({ job }) => [job.index, job.key, job.function])).toEqual(items.map((item, i) => [i, item.key, item.function]));
  });

  it('that begins to be served while its jobs wait is served', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const called = client.call('foo', 'early');
    expect(await client.status()).toMatchObject({ workers: [] });
    cluster.startWorker();
    expect(String(await called)).toBe('worker1 processed early');
  });
});

describe('a generator function that throws', () => {
  it('gives the values before, then the error with function, worker, attempts and remote stack', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    for (const k of [0, 1, 3, 10_000]) {
      const { results, error } = await untilError(client.job('breaks', [String(k)]));
      expect(results.map(String)).toEqual(Array.from({ length: k }, (_, i) => `${i}`));
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({
        code: 'function-threw',
        function: 'breaks',
        worker: 'worker1',
        attempts: 1,
        index: 0,
        phase: undefined,
      });
      const { message, remoteStack } = error as JobError;
      expect(message).toContain('broken');
      expect(remoteStack).toContain('Error: broken');
      expect(remoteStack).toContain('worker.mjs');
    }
    expect(String(await client.call('foo', 'next'))).toBe('worker1 processed next');
  });

  it('fails its job only, where the caller settles', async () => {
    await using cluster = await startCluster();
    const settled = await collect(clientOf(cluster).job('breaks', ['2', '0', '1'], { settle: true, ordered: true }));
    expect(settled.map((one) => [one.job.index, one.job.result, one.status === 'fulfilled' ? String(one.value) : one.reason.code])).toEqual(
      [
        [0, 0, '0'],
        [0, 1, '1'],
        [0, 2, 'function-threw'],
        [1, 0, 'function-threw'],
        [2, 0, '0'],
        [2, 1, 'function-threw'],
      ],
    );
  });
});

describe('a worker function', () => {
  it('gives bytes, text, nothing, a promise, or many results by a generator, sync or async', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    expect(await client.call('echo', bytes)).toEqual(bytes);
    expect(await client.call('promised', bytes)).toEqual(bytes);
    expect(String(await client.call('echo', 'grüße 👋'))).toBe('grüße 👋');
    expect(String(await client.call('myName', ''))).toBe('worker1');
    expect(await client.call('nothing', 'x')).toEqual(Buffer.alloc(0));
    expect(await client.call('empty', 'x')).toEqual(Buffer.alloc(0));
    expect(await collect(client.job('nothing', ['a', 'b']))).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
    expect(await texts(client.job('count', ['3', '0', '2'], { ordered: true }))).toEqual(['0', '1', '2', '0', '1']);
    expect(await texts(client.job('slowly', ['3', '0', '2'], { ordered: true }))).toEqual(['0', '1', '2', '0', '1']);
    expect(await texts(client.job('slowly', ['0']))).toEqual([]);
  });

  it('that throws or rejects fails its job, and the next one runs', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const thrown = await jobErrorOf(client.call('throws', 'x'), 'function-threw');
    expect(thrown).toMatchObject({ function: 'throws', worker: 'worker1', attempts: 1 });
    expect(thrown.message).toContain('no good: x');
    expect(thrown.remoteStack).toContain('RangeError: no good: x');
    const rejected = await jobErrorOf(client.call('rejects', 'y'), 'function-threw');
    expect(rejected.remoteStack).toContain('TypeError: later no good: y');
    expect(String(await client.call('foo', 'z'))).toBe('worker1 processed z');
  });

  it('that gives something else fails with bad-result, which says what it gave', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const error = await jobErrorOf(client.call('number', 'x'), 'bad-result');
    expect(error).toMatchObject({ function: 'number', worker: 'worker1', attempts: 1 });
    expect(error.message).toContain('42');
    const { results, error: second } = await untilError(client.job('numbers', ['x']));
    expect(results.map(String)).toEqual(['one']);
    expect(second).toMatchObject({ code: 'bad-result', function: 'numbers' });
    expect(String(await client.call('foo', 'z'))).toBe('worker1 processed z');
  });

  it('can call others, deeper than there are slots', async () => {
    await using cluster = await startCluster({ workers: 2 });
    expect(String(await clientOf(cluster).call('nested', '8'))).toBe('8 7 6 5 4 3 2 1 bottom');
  });
});

describe('call', () => {
  it('fails with result-count where there is no result, or more than one', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const none = await jobErrorOf(client.call('count', '0'), 'result-count');
    expect(none).toMatchObject({ function: 'count', index: 0 });
    expect(none.message).toContain('none');
    const more = await jobErrorOf(client.call('count', '2'), 'result-count');
    expect(more.message).toContain('more');
    await jobErrorOf(client.call('count', '100000'), 'result-count');
    expect(String(await client.call('count', '1'))).toBe('0');
  });
});
