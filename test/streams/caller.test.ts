import { describe, expect, it } from 'vitest';
import { Connection } from '../../src/client/connection.ts';
import type { Logger } from '../../src/common/logger.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { type Answers, FakeMaster, type FakeJob } from '../client/fake_master.ts';

const silent: Logger = { info: () => undefined, warn: () => undefined, error: () => undefined };

async function world(answer: (job: FakeJob) => Answers): Promise<{ connection: Connection; master: FakeMaster } & AsyncDisposable> {
  const transport = new MemoryNetwork().transport();
  const address = 'memory://master';
  const master = await FakeMaster.start({ transport, answer });
  const options = { name: 'w', id: 'w', function: undefined, connectTimeoutMs: Infinity, maxMessageBytes: 1_000_000, historyLimit: 10 };
  const connection = new Connection({ ...options, transport, addresses: [address], logger: silent });
  const end = async (): Promise<void> => {
    await connection.close();
    await master.stop();
    expect(connection.caller.open).toBe(0);
    expect(connection.store.count).toBe(0);
  };
  return { connection, master, [Symbol.asyncDispose]: end };
}

describe('calls of a worker function', () => {
  it('carry their parent, and say when it waits', async () => {
    await using w = await world(({ payload }) => [payload, payload]);
    const waits: boolean[] = [];
    const scope = {
      parent: 7,
      waits: (waiting: boolean) => {
        waits.push(waiting);
      },
    };
    const { caller } = w.connection;
    const stream = caller.job(scope, ['foo', ['a']]);
    expect([(await stream.next()).done, waits]).toEqual([false, [true, false]]);
    expect([(await stream.next()).done, waits]).toEqual([false, [true, false]]);
    expect((await stream.next()).done).toBe(true);
    await expect(caller.call(scope, 'foo', 'a', undefined)).rejects.toMatchObject({ code: 'result-count' });
    expect(waits).toEqual([true, false, true, false]);
    expect(w.master.records.filter((record) => record.kind === 'open').map((record) => record.parent)).toEqual([7, 7]);
  });

  it('end with the signal of their part', async () => {
    await using w = await world(() => undefined);
    const abort = new AbortController();
    const scope = { parent: 7, signal: abort.signal };
    const call = w.connection.caller.call(scope, 'foo', 'a', undefined);
    const next = w.connection.caller.job(scope, ['foo', ['a']]).next();
    await w.master.until(() => w.master.jobs.length === 2);
    abort.abort(new Error('nobody waits'));
    await expect(call).rejects.toThrow('nobody waits');
    await expect(next).rejects.toThrow('nobody waits');
    await w.master.until(() => w.master.kinds().filter((kind) => kind === 'cancel').length === 2);
  });
});

describe('what is left early', () => {
  it('leaves no payload behind, whatever was under way', async () => {
    await using w = await world(({ index, payload }) => (index % 3 === 1 ? undefined : [payload, payload]));
    const { caller } = w.connection;
    const source = Array.from({ length: 50 }, (_, i) => 'x'.repeat(i * 500));
    for (const options of [{}, { ordered: true }, { settle: true }, { messages: 3 }]) {
      const stream = caller.job({ parent: 0 }, ['foo', source, options]);
      await stream.next();
      await stream.return?.();
      expect((await stream.next()).done).toBe(true);
    }
    await w.master.until(() => w.master.kinds().filter((kind) => kind === 'cancel').length === 4);
  });

  it('ends others that wait at the same stream', async () => {
    await using w = await world(() => undefined);
    const stream = w.connection.caller.job({ parent: 0 }, ['foo', ['a']]);
    const waiting = [stream.next(), stream.next()];
    await stream.return?.();
    expect((await Promise.all(waiting)).map((step) => step.done)).toEqual([true, true]);
  });

  it('gives an error to the first that waits, and the end to the others', async () => {
    await using w = await world(() => [{ message: 'no' }]);
    const stream = w.connection.caller.job({ parent: 0 }, ['foo', ['a', 'b']]);
    const outcomes = await Promise.allSettled([stream.next(), stream.next()]);
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: { message: 'no' } },
      { status: 'fulfilled', value: { done: true } },
    ]);
  });

  it.each(['its signal', 'return()', 'close()'])('by %s, called in its own sync source: that comes to its end, too', async (how) => {
    const w = await world(({ payload }) => [payload]);
    const abort = new AbortController();
    let returned: Promise<unknown> | undefined;
    let pulled = 0;
    const leave = (): void => {
      if (how === 'its signal') abort.abort(new Error('enough'));
      else returned = how === 'return()' ? stream.return?.() : w.connection.close();
    };
    const ends: number[] = [];
    function* source(): Generator<string> {
      try {
        for (;;) {
          pulled += 1;
          if (pulled === 5) leave();
          yield 'x';
        }
      } finally {
        ends.push(pulled);
      }
    }
    const stream = w.connection.caller.job({ parent: 0 }, ['foo', source(), { signal: abort.signal }]);
    const reading = (async () => {
      for await (const _ of stream);
    })();
    const error = await reading.then(
      () => undefined,
      (thrown: Error) => thrown.name + thrown.message,
    );
    expect(error?.slice(0, 11)).toBe({ 'its signal': 'Errorenough', 'return()': undefined, 'close()': 'ClosedError' }[how]);
    await returned;
    expect(ends).toEqual([5]);
    await w[Symbol.asyncDispose]();
  });
});
