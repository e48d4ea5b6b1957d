import { describe, expect, it } from 'vitest';
import { Client, type ClientOptions } from '../../src/client/client.ts';
import { ClosedError, JobError } from '../../src/errors.ts';
import { ADDRESS, all, numbers, texts, world } from './world.ts';

describe('a client', () => {
  it('streams jobs of a sync source, and gets every result', async () => {
    await using w = await world();
    const results = await texts(w.client.job('foo', ['a', Buffer.from('b'), new Uint8Array([99])]));
    expect(results).toEqual(['a', 'b', 'c']);
    expect(w.master.jobs.map((job) => job.function)).toEqual(['foo', 'foo', 'foo']);
  });

  it('streams many jobs of an async source within its credit', async () => {
    await using w = await world({ window: 100 });
    const results = await texts(w.client.job('foo', numbers(5_000)));
    expect(results).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i)));
  });

  it('streams large payloads one by one when they are over all credit', async () => {
    await using w = await world();
    const large = [1, 2, 3].map((byte) => Buffer.alloc(3_000_000, byte));
    const results = await all(w.client.job('foo', large));
    expect(results.map((result) => result.equals(Buffer.alloc(3_000_000, result[0])))).toEqual([true, true, true]);
  });

  it('may use a small buffer again after yielding it', async () => {
    await using w = await world();
    const source = function* (): Generator<Buffer> {
      const buffer = Buffer.alloc(4);
      for (let i = 0; i < 10; i += 1) {
        buffer.fill(String(i));
        yield buffer;
      }
    };
    expect(await texts(w.client.job('foo', source()))).toEqual(Array.from({ length: 10 }, (_, i) => String(i).repeat(4)));
  });

  it('sends items that name their functions, and its default function for the others', async () => {
    await using w = await world({}, { function: 'bar' });
    await all(w.client.job([{ payload: 'a', function: 'foo' }, 'b', { payload: 'c' }]));
    expect(w.master.jobs.map((job) => job.function)).toEqual(['foo', 'bar', 'bar']);
  });

  it('ends by itself for an empty source, without a word to the master', async () => {
    await using w = await world();
    expect(await all(w.client.job('foo', []))).toEqual([]);
    expect(w.master.kinds()).toEqual([]);
  });

  it('ends by itself when jobs have no results, one, or many', async () => {
    await using w = await world({
      answer: ({ payload }) => Array.from({ length: Number(payload) }, (_, i) => `${payload.toString()}.${i}`),
    });
    expect(await texts(w.client.job('foo', ['0', '1', '3', '0']))).toEqual(['1.0', '3.0', '3.1', '3.2']);
    expect(w.master.kinds()).toEqual(['open', 'end']);
  });

  it('begins a stream at the first next(), not before', async () => {
    await using w = await world();
    let pulled = 0;
    const source = function* (): Generator<string> {
      pulled += 1;
      yield 'a';
    };
    const stream = w.client.job('foo', source());
    await w.client.status();
    expect([pulled, w.master.kinds()]).toEqual([0, ['call']]);
    expect(await stream.next()).toEqual({ done: false, value: Buffer.from('a') });
    expect(pulled).toBe(1);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('refuses a second iteration', async () => {
    await using w = await world();
    const stream = w.client.job('foo', ['a']);
    await all(stream);
    expect(() => stream[Symbol.asyncIterator]()).toThrow(TypeError);
  });

  it('serves several next() calls at once, in order', async () => {
    await using w = await world();
    const stream = w.client.job('foo', ['a', 'b']);
    const steps = await Promise.all([stream.next(), stream.next(), stream.next(), stream.next()]);
    expect(steps.map((step) => step.value?.toString())).toEqual(['a', 'b', undefined, undefined]);
  });

  it('pulls and holds no more than its credit while nobody reads, and goes on when somebody does', async () => {
    await using w = await world({ window: 500 });
    let pulled = 0;
    const source = function* (): Generator<string> {
      for (; ; pulled += 1) yield 'x';
    };
    const stream = w.client.job('foo', source());
    await stream.next();
    await w.master.until(() => w.master.jobs.length >= 4_096);
    await w.client.status();
    expect(pulled).toBeLessThan(4_096 + 500 + 1);
    for (let i = 0; i < 10_000; i += 1) expect((await stream.next()).done).toBe(false);
    expect(pulled).toBeLessThan(4_096 + 10_000 + 500 + 2);
    await stream.return?.();
  });
});

describe('leaving a stream', () => {
  it('by break cancels, and waits for the return of the source, not for the master', async () => {
    await using w = await world({ answer: ({ index }) => (index < 3 ? ['x'] : undefined) });
    const order: string[] = [];
    const source = async function* (): AsyncGenerator<string> {
      try {
        for (;;) yield 'x';
      } finally {
        await new Promise((resolve) => setImmediate(resolve));
        order.push('returned');
      }
    };
    for await (const result of w.client.job('foo', source())) {
      order.push(result.toString());
      w.network.block(ADDRESS);
      break;
    }
    order.push('left');
    expect(order).toEqual(['x', 'returned', 'left']);
    w.network.unblock(ADDRESS);
    await w.master.until(() => w.master.kinds().includes('cancel'));
  });

  it('rejects with the reason of its signal, and at once', async () => {
    await using w = await world({ answer: () => undefined });
    const abort = new AbortController();
    const stream = w.client.job('foo', ['a'], { signal: abort.signal });
    const next = stream.next();
    await w.master.until(() => w.master.jobs.length === 1);
    const reason = new Error('enough');
    abort.abort(reason);
    await expect(next).rejects.toBe(reason);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    await w.master.until(() => w.master.kinds().includes('cancel'));
    const late = w.client.job('foo', ['a'], { signal: abort.signal });
    await expect(late.next()).rejects.toBe(reason);
  });

  it('happens by itself after so many messages', async () => {
    await using w = await world();
    let returned = false;
    const source = function* (): Generator<string> {
      try {
        for (let i = 0; ; i += 1) yield String(i);
      } finally {
        returned = true;
      }
    };
    expect(await texts(w.client.job('foo', source(), { messages: 3 }))).toEqual(['0', '1', '2']);
    expect(returned).toBe(true);
    await w.master.until(() => w.master.kinds().includes('cancel'));
  });

  it('by await using returns the source', async () => {
    await using w = await world();
    let returned = false;
    const source = function* (): Generator<string> {
      try {
        for (;;) yield 'x';
      } finally {
        returned = true;
      }
    };
    {
      await using stream = w.client.job('foo', source());
      await stream.next();
    }
    expect(returned).toBe(true);
  });
});

describe('what goes wrong', () => {
  it('in the source comes after the results that are here, as that very error', async () => {
    await using w = await world();
    const boom = new Error('boom');
    const source = async function* (): AsyncGenerator<string> {
      yield 'a';
      yield 'b';
      await w.client.status();
      await w.client.status();
      throw boom;
    };
    const stream = w.client.job('foo', source());
    const seen = [(await stream.next()).value?.toString()];
    await w.master.until(() => w.master.kinds().includes('cancel'));
    seen.push((await stream.next()).value?.toString());
    await expect(stream.next()).rejects.toBe(boom);
    expect(seen).toEqual(['a', 'b']);
    await w.master.until(() => w.master.kinds().includes('cancel'));
  });

  it('in a job throws its JobError, with the key, and cancels the stream', async () => {
    await using w = await world({ answer: ({ index }) => (index === 1 ? ['part', { message: 'no', attempts: 2 }] : ['ok']) });
    const stream = w.client.job('foo', [{ payload: 'a' }, { payload: 'b', key: 'my key' }, 'c']);
    expect([String((await stream.next()).value), String((await stream.next()).value)]).toEqual(['ok', 'part']);
    const error = await stream.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({
      code: 'function-threw',
      message: 'no',
      index: 1,
      key: 'my key',
      attempts: 2,
      worker: 'w1',
      function: 'foo',
    });
    expect((await stream.next()).done).toBe(true);
  });

  it('in a job is yielded with settle, and the others go on', async () => {
    await using w = await world({ answer: ({ index }) => (index === 1 ? [{ message: 'no', attempts: 3 }] : ['ok']) });
    const settled = await all(w.client.job('foo', ['a', { payload: 'b', key: 7, function: 'bar' }, 'c'], { settle: true }));
    const job = { key: undefined, part: 0, result: 0, function: 'foo', attempts: 1 };
    expect(settled[0]).toEqual({ status: 'fulfilled', value: Buffer.from('ok'), job: { ...job, index: 0 } });
    expect(settled[1]).toMatchObject({ status: 'rejected', job: { ...job, index: 1, key: 7, function: 'bar', attempts: 3 } });
    expect(settled[1]).toHaveProperty('reason.key', 7);
    expect(settled[2]).toEqual({ status: 'fulfilled', value: Buffer.from('ok'), job: { ...job, index: 2 } });
  });

  it('with a payload over the limit fails like a source that throws, naming both sizes', async () => {
    await using w = await world({}, { maxMessageBytes: 10 });
    const stream = w.client.job('foo', ['ok', 'x'.repeat(11)]);
    await expect(all(stream)).rejects.toThrow(/11 bytes, over maxMessageBytes \(10\)/);
    await expect(w.client.call('foo', 'x'.repeat(12))).rejects.toThrow(RangeError);
    await expect(w.client.set('x'.repeat(12))).rejects.toThrow(/12 bytes, over maxMessageBytes \(10\)/);
  });

  it('with an item that is none fails the stream, and returns the source', async () => {
    await using w = await world();
    let returned = false;
    const source = function* (): Generator<string> {
      try {
        yield 7 as unknown as string;
      } finally {
        returned = true;
      }
    };
    await expect(all(w.client.job('foo', source()))).rejects.toThrow(/item 0: expected a Uint8Array/);
    expect(returned).toBe(true);
    await expect(all(w.client.job(['a']))).rejects.toThrow(/item 0 names no function/);
    await expect(all(w.client.job('foo', [{ payload: 'a', retry: 1 } as { payload: string }]))).rejects.toThrow(/unknown option 'retry'/);
  });

  it('with arguments is a TypeError that helps', async () => {
    await using w = await world();
    const job = w.client.job.bind(w.client) as (...args: unknown[]) => unknown;
    for (const payload of ['text', Buffer.from('b'), new Float64Array(2)]) expect(() => job('foo', payload)).toThrow(/use call\(\)/);
    expect(() => job('text')).toThrow(/use call\(\)/);
    expect(() => job('foo', 7)).toThrow(/expected an iterable/);
    expect(() => job('foo', [], { setle: true })).toThrow(/unknown option 'setle'/);
    expect(() => job('foo', [], { messages: 0 })).toThrow(RangeError);
    expect(() => new Client({ address: 'nowhere' })).toThrow(TypeError);
    expect(() => new Client({ address: 'tcp://127.0.0.1:*' })).toThrow(RangeError);
    expect(() => new Client({ address: ADDRESS, adress: 1 } as ClientOptions)).toThrow(/unknown option 'adress'/);
  });

  it('at the close: open streams and calls reject with ClosedError, and later ones too', async () => {
    await using w = await world({ answer: () => undefined });
    const next = w.client.job('foo', ['a']).next();
    const call = w.client.call('foo', 'a');
    const idle = w.client.job('foo', ['a']);
    const failed = Promise.allSettled([next, call]);
    await w.master.until(() => w.master.jobs.length === 2);
    await w.client.close();
    for (const outcome of await failed) expect(outcome).toHaveProperty('reason', expect.any(ClosedError));
    await expect(idle.next()).rejects.toThrow(ClosedError);
    await expect(w.client.get('a')).rejects.toThrow(ClosedError);
    await w.master.until(() => w.master.kinds().includes('goodbye'));
  });
});
