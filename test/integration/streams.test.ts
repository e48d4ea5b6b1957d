import { describe, expect, it } from 'vitest';
import { type Client, ClosedError, GristmillError, type JobError, type Source } from '../../src/index.ts';
import { clientOf, collect, expectEach, jobs, pass, texts, thrownBy, untilError } from './helpers.ts';
import { startCluster } from './processes.ts';

describe('a stream', () => {
  it('starts at the first next(), not before', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    let pulled = 0;
    function* source(): Generator<string> {
      pulled += 1;
      yield 'x';
    }
    const stream = client.job('foo', source());
    expect(stream.id).toMatch(/^client-[0-9a-f]+\/1$/);
    await pass(100);
    expect(pulled).toBe(0);
    expect(await client.status()).toMatchObject({ streams: [] });
    expect(String((await stream.next()).value)).toBe('worker1 processed x');
    expect(pulled).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('can be iterated once: the second time is a TypeError', async () => {
    await using cluster = await startCluster();
    const stream = clientOf(cluster).job('foo', ['x']);
    expect(await collect(stream)).toHaveLength(1);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(TypeError);
    await expect(collect(stream)).rejects.toThrow('once');
  });

  it('takes sync and async iterables, of bytes, text and items', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster, { function: 'echo' });
    async function* slowly(): AsyncGenerator<string | Buffer> {
      for (const payload of ['a', Buffer.from('b'), 'c']) {
        await pass(1);
        yield payload;
      }
    }
    expectEach(await texts(client.job(slowly())), ['a', 'b', 'c']);
    expectEach(await texts(client.job(['a', Buffer.from('b'), new Uint8Array([99]), { payload: 'd' }])), ['a', 'b', 'c', 'd']);
    expectEach(await texts(client.job(new Set(['a', 'b']))), ['a', 'b']);
    expect(await texts(client.job([]))).toEqual([]);
    const mixed = ['a', { payload: 'b', function: 'myName' }, { payload: '2', function: 'count' }];
    expect((await texts(client.job(mixed, { ordered: true }))).join()).toMatch(/^a,worker\d,0,1$/);
    expect(await texts(client.job('count', ['2', { payload: 'b', function: 'echo' }], { ordered: true }))).toEqual(['0', '1', 'b']);
  });

  it('of ten thousand jobs over three workers gives every result once', async () => {
    await using cluster = await startCluster({ workers: 3 });
    expectEach(await texts(clientOf(cluster).job('echo', jobs(10_000))), jobs(10_000));
  });

  it('runs beside others of its client', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        texts(
          client.job(
            'echo',
            [...jobs(300)].map((text) => `${n} ${text}`),
          ),
        ),
      ),
    );
    for (const [n, results] of all.entries())
      expectEach(
        results,
        [...jobs(300)].map((text) => `${n} ${text}`),
      );
  });

  it('that is ordered gives results by job and result, with a generator function and several workers', async () => {
    await using cluster = await startCluster({ workers: 3, slots: 2 });
    const counts = Array.from({ length: 1_000 }, (_, i) => (i * 7) % 6);
    const expected = counts.flatMap((count, job) => Array.from({ length: count }, (_, i) => [job, i, `${i}`]));
    for (const name of ['count', 'slowly']) {
      const settled = await collect(clientOf(cluster).job(name, counts.map(String), { ordered: true, settle: true }));
      expect(settled.map((one) => [one.job.index, one.job.result, one.status === 'fulfilled' ? String(one.value) : one.reason])).toEqual(
        expected,
      );
    }
  });

  it('stops after so many messages, and the source returns', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    let returned = false;
    async function* endless(): AsyncGenerator<string> {
      try {
        for (let i = 0; ; i += 1) yield `job ${i}`;
      } finally {
        await pass(10);
        returned = true;
      }
    }
    expect(await collect(client.job('echo', endless(), { messages: 25 }))).toHaveLength(25);
    expect(returned).toBe(true);
    expect(await texts(client.job('count', ['5', '5'], { messages: 7, ordered: true }))).toEqual(['0', '1', '2', '3', '4', '0', '1']);
    expect(await texts(client.job('echo', ['a'], { messages: 5 }))).toEqual(['a']);
    await expect.poll(async () => (await client.status())['streams']).toEqual([]);
  });
});

function fail(): never {
  throw new Error('cannot be closed');
}

async function leave(client: Client, source: Source<string>): Promise<void> {
  for await (const result of client.job('echo', source)) if (String(result) === 'x') break;
}

describe('leaving a stream', () => {
  it('by break cancels what runs, and awaits the return of the source', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    let returned = false;
    async function* source(): AsyncGenerator<{ payload: string; function?: string }> {
      try {
        yield { payload: 'one', function: 'waits' };
        for (;;) yield { payload: 'x' };
      } finally {
        await pass(20);
        returned = true;
      }
    }
    const worker = cluster.workers;
    let results = 0;
    for await (const result of client.job('foo', source())) {
      expect(String(result)).toMatch(/processed x$/);
      results += 1;
      if (worker.some((one) => one.count(/^waits one/) > 0)) break;
    }
    expect(results).toBeGreaterThan(0);
    expect(returned).toBe(true);
    await Promise.any(worker.map((one) => one.printed(/^aborted one/)));
    await expect.poll(async () => await client.status()).toMatchObject({ streams: [], queued: 0, placed: 0 });
    expect(String(await client.call('foo', 'next'))).toMatch(/next/);
  });

  it.each([0, 1, 20])('by break awaits what a source does at its end, and hears of it, while it waits %i ms for each item', async (ms) => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    async function* source(): AsyncGenerator<string> {
      try {
        for (;;) {
          yield 'x';
          await pass(ms);
        }
      } finally {
        await pass(20);
        fail();
      }
    }
    for (let turn = 0; turn < 5; turn += 1) await expect(leave(client, source())).rejects.toThrow('cannot be closed');
  });

  it('by break hears what a sync source does at its end, also if it takes longer than one turn', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    function* source(): Generator<string> {
      try {
        for (;;) {
          for (const until = performance.now() + 1; performance.now() < until;);
          yield 'x';
        }
      } finally {
        fail();
      }
    }
    for (let turn = 0; turn < 5; turn += 1) await expect(leave(client, source())).rejects.toThrow('cannot be closed');
  });

  it('does not wait for ever for a source that itself waits for something', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    let asked = 0;
    let goOn: (() => void) | undefined;
    async function* source(): AsyncGenerator<string> {
      yield 'x';
      asked += 1;
      await new Promise<void>((resolve) => (goOn = resolve));
      yield 'y';
    }
    for await (const result of client.job('echo', source())) {
      expect(String(result)).toBe('x');
      await expect.poll(() => goOn).toBeDefined();
      break;
    }
    const mine = new Error('mine');
    const thrown = (async () => {
      for await (const _ of client.job('echo', source())) {
        await expect.poll(() => asked).toBe(2);
        throw mine;
      }
    })();
    await expect(thrown).rejects.toBe(mine);
    await expect.poll(async () => (await client.status())['streams']).toEqual([]);
    goOn?.();
  });

  it('never waits for the master', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const stream = client.job('echo', jobs(100_000));
    await stream.next();
    cluster.master.kill('SIGSTOP');
    expect(await stream.return?.()).toEqual({ done: true, value: undefined });
    const other = client.job('echo', jobs(3));
    const waiting = other.next();
    await other.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('by an error in the loop, or the end of `await using`, is the same', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const mine = new Error('mine');
    let returned = 0;
    function* source(): Generator<string> {
      try {
        for (;;) yield 'x';
      } finally {
        returned += 1;
      }
    }
    const thrown = await thrownBy(
      (async () => {
        for await (const _ of client.job('foo', source())) throw mine;
      })(),
    );
    expect(thrown).toBe(mine);
    {
      await using stream = client.job('foo', source());
      await stream.next();
    }
    expect(returned).toBe(2);
    await expect.poll(async () => (await client.status())['streams']).toEqual([]);
  });

  it('hears what the source throws at its return', async () => {
    await using cluster = await startCluster();
    const mine = new Error('mine');
    async function* source(): AsyncGenerator<string> {
      try {
        for (;;) yield 'x';
      } finally {
        await pass(1);
        await Promise.reject(mine);
      }
    }
    const stream = clientOf(cluster).job('foo', source());
    await stream.next();
    expect(await thrownBy(Promise.resolve(stream.return?.()))).toBe(mine);
  });

  it('by an abort rejects with the reason of the signal, and cancels', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const controller = new AbortController();
    const waiting = thrownBy(collect(client.job('waits', ['a'], { signal: controller.signal })));
    const called = thrownBy(client.call('waits', 'b', { signal: controller.signal }));
    await cluster.workers[0]?.printed(/^waits [ab]/);
    const reason = { any: 'thing' };
    controller.abort(reason);
    expect(await waiting).toBe(reason);
    expect(await called).toBe(reason);
    await cluster.workers[0]?.printed(/^aborted [ab]/);
    expect(await thrownBy(collect(client.job('foo', ['x'], { signal: controller.signal })))).toBe(reason);
    expect(await thrownBy(client.call('foo', 'x', { signal: controller.signal }))).toBe(reason);
    expect(
      await thrownBy(
        client
          .call('foo', 'x', { signal: AbortSignal.timeout(0) })
          .then(() => client.call('waits', 'x', { signal: AbortSignal.timeout(20) })),
      ),
    ).toMatchObject({ name: 'TimeoutError' });
    expect(String(await client.call('foo', 'next'))).toBe('worker1 processed next');
  });
});

describe('a source that throws', () => {
  it('gives the results that are here first, then that very error, and the stream is cancelled', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const mine = new RangeError('mine');
    let go: () => void = () => undefined;
    const three = new Promise<void>((resolve) => {
      go = resolve;
    });
    async function* source(): AsyncGenerator<string> {
      yield* ['a', 'b', 'c'];
      await three;
      throw mine;
    }
    const stream = client.job('echo', source());
    const first = String((await stream.next()).value);
    await expect.poll(async () => (await client.status())['streams']).toMatchObject([{ jobs: 3, ended: 3 }]);
    go();
    const { results, error } = await untilError(stream);
    expect([first, ...results.map(String)]).toEqual(['a', 'b', 'c']);
    expect(error).toBe(mine);
    await expect.poll(async () => (await client.status())['streams']).toEqual([]);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('at once, or gives what is no payload, fails the stream', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const mine = new Error('mine');
    function* source(fails: boolean): Generator<string> {
      if (fails) throw mine;
      yield 'a';
    }
    expect(await thrownBy(collect(client.job('echo', source(true))))).toBe(mine);
    let returned = false;
    function* garbage(): Generator<string> {
      try {
        yield 'a';
        yield 42 as unknown as string;
      } finally {
        returned = true;
      }
    }
    const { error } = await untilError(client.job('echo', garbage()));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/item 1\b.*42/);
    expect(returned).toBe(true);
  });
});

describe('a client that closes', () => {
  it('ends what is open with ClosedError, and what is begun later', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const unread = client.job('echo', jobs(10));
    await unread.next();
    const stream = thrownBy(collect(client.job('waits', ['a', 'b'])));
    await cluster.workers[0]?.printed(/^waits a/);
    const call = thrownBy(client.call('waits', 'c'));
    const get = thrownBy(client.get('key'));
    await client.close();
    for (const error of [await stream, await call, await get, await thrownBy(collect(unread))]) {
      expect(error).toBeInstanceOf(ClosedError);
      expect(error).toBeInstanceOf(GristmillError);
      expect(error).toMatchObject({ code: 'closed' });
    }
    await cluster.workers[0]?.printed(/^aborted a/);
    await cluster.master.printed(/^clientLeft .*"left"/);
    for (const late of [client.call('foo', 'x'), collect(client.job('foo', ['x'])), client.get('x'), client.set('x'), client.status()])
      expect(await thrownBy(late)).toBeInstanceOf(ClosedError);
    await client.close();
  });
});

describe('the error of a job', () => {
  it('has its key, which never left the client; settled results have theirs', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    const key = { not: Symbol('serialisable') };
    const error = (await thrownBy(collect(client.job('throws', [{ payload: 'x', key }])))) as JobError;
    expect(error.key).toBe(key);
    const items = [...jobs(500)].map((payload, i) => ({ payload, key: { i }, function: i % 10 === 3 ? 'throws' : 'echo' }));
    const settled = await collect(client.job(items, { settle: true }));
    expect(settled).toHaveLength(500);
    for (const one of settled) {
      const { index } = one.job;
      expect(one.job).toMatchObject({ part: 0, result: 0, function: items[index]?.function });
      expect(one.job.key).toBe(items[index]?.key);
      const what = one.status === 'fulfilled' ? String(one.value) : { code: one.reason.code, key: one.reason.key, index: one.reason.index };
      expect(what).toEqual(index % 10 === 3 ? { code: 'function-threw', key: { i: index }, index } : items[index]?.payload);
    }
    expect(settled.filter((one) => one.status === 'rejected')).toHaveLength(50);
  });

  it('ends a stream that does not settle: what is left is cancelled', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    let returned = false;
    function* source(): Generator<string> {
      try {
        for (;;) yield '1';
      } finally {
        returned = true;
      }
    }
    const { results, error } = await untilError(client.job('breaks', source()));
    expect(results.map(String)).toEqual(['0']);
    expect(error).toMatchObject({ code: 'function-threw' });
    expect(returned).toBe(true);
    await expect.poll(async () => (await client.status())['streams']).toEqual([]);
  });
});
