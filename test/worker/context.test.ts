import { describe, expect, it } from 'vitest';
import { packValue, toFields } from '../../src/protocol/fields.ts';
import type { JobContext, Nested } from '../../src/worker/context.ts';
import { Rig } from './rig.ts';

/** Enough credit for anything here. */
const RICH = { grants: [100, 100], bytes: [1e9, 1e9] };

describe('what a function is told of its job', () => {
  it("is whose it is, where it stands, what came with it and what it was given; a job's fields win over the stream's", async () => {
    const seen: unknown[] = [];
    const foo = (_: Buffer, job: JobContext): void => {
      const { id, stream, client, index, part, attempt, function: name, deadline, resources, fields } = job;
      seen.push({ id, stream, client, index, part, attempt, name, deadline, resources, fields });
    };
    const rig = new Rig({ functions: { foo } });
    const plain = { keys: [1], jobs: [7], parts: [2], attempts: [3] };
    rig.give('foo', ['m'], plain);
    const fields = toFields({ deadline: 5, codec: 'json' });
    rig.give('foo', ['m'], {
      ...plain,
      keys: [2],
      fields,
      partFields: [toFields({ deadline: 6, resources: { cores: 2 } })],
      allocations: [packValue({ cores: [6, 7] })],
    });
    await rig.run();
    const about = { id: 'c/1/7', stream: 'c/1', client: 'c', index: 7, part: 2, attempt: 3, name: 'foo' };
    expect(seen).toEqual([
      { ...about, deadline: 6, resources: { cores: [6, 7] }, fields: { codec: 'json', deadline: 6, resources: { cores: 2 } } },
      { ...about, deadline: undefined, resources: {}, fields: {} },
    ]);
  });

  it('has a signal that is aborted already, if that is asked for late', async () => {
    let go = (): void => undefined;
    const seen: unknown[] = [];
    const foo = async (_: Buffer, job: JobContext): Promise<void> => {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      seen.push(job.signal.aborted, job.signal === job.signal);
    };
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m']);
    await rig.run();
    rig.tell({ kind: 'abort', keys: [1] });
    go();
    await rig.run();
    expect(seen).toEqual([true, true]);
  });
});

describe('a function that calls another', () => {
  it('says whose it is, lends its lane while it waits, and takes it back', async () => {
    const asked: { parent: number; name: unknown; answer: (value: Buffer) => void }[] = [];
    const nested: Nested = {
      call: (scope, name) =>
        new Promise((resolve) => {
          scope.waits?.(true);
          const answer = (value: Buffer): void => {
            scope.waits?.(false);
            resolve(value);
          };
          asked.push({ parent: scope.parent, name, answer });
        }),
      job: () => {
        throw new Error('not asked for');
      },
    };
    const ran: string[] = [];
    const rig = new Rig({
      nested,
      functions: {
        outer: async (message, job) => `${message.toString()} ${(await job.call('inner', 'x')).toString()}`,
        inner: (message) => {
          ran.push(message.toString());
        },
      },
    });
    rig.give('outer', ['o'], { keys: [9], ...RICH });
    rig.give('inner', ['i'], { keys: [10], ...RICH });
    await rig.run();
    expect(asked.map(({ parent, name }) => [parent, name])).toEqual([[9, 'inner']]);
    expect([ran, rig.lent]).toEqual([['i'], 1]);
    asked[0]?.answer(Buffer.from('done'));
    await rig.run();
    expect([rig.results(9), rig.lent]).toEqual([['o done'], 0]);
  });
});

describe('a part that is aborted', () => {
  it('tells its function by the signal, drops what it still gives, and goes back when it has ended', async () => {
    const seen: unknown[] = [];
    const foo = async (_: Buffer, job: JobContext): Promise<string> => {
      await new Promise((resolve) => {
        job.signal.addEventListener('abort', resolve);
      });
      seen.push(job.signal.reason);
      return 'late';
    };
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m']);
    await rig.run();
    rig.tell({ kind: 'abort', keys: [1] });
    await rig.run();
    expect(seen).toMatchObject([{ name: 'AbortError', message: 'nobody waits for this job any more' }]);
    expect([rig.said, rig.returned]).toEqual([[], [1]]);
    expect(rig.store.count).toBe(0);
  });

  it('holds its lane as long as its function does not heed the signal', async () => {
    const ends: (() => void)[] = [];
    const foo = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m', 'n'], RICH);
    await rig.run();
    rig.tell({ kind: 'abort', keys: [1] });
    await rig.run();
    expect([ends.length, rig.returned]).toEqual([1, []]);
    ends[0]?.();
    await rig.run();
    expect([ends.length, rig.returned]).toEqual([2, [1]]);
  });

  it.each([
    ['a parked generator', 1],
    ['a generator between two turns', 1e9],
  ])('ends %s, which may clean up', async (_, grants) => {
    let cleaned = 0;
    let clock = 0;
    const rig = new Rig({
      functions: {
        *foo() {
          try {
            for (;;) {
              clock += 2;
              yield 'x';
            }
          } finally {
            cleaned += 1;
          }
        },
      },
      now: () => clock,
    });
    rig.give('foo', ['m'], { grants: [grants], bytes: [1e9] });
    rig.tick();
    rig.tell({ kind: 'abort', keys: [1] });
    rig.tick();
    expect([cleaned, rig.returned]).toEqual([1, [1]]);
  });

  it('waits for an async generator to clean up', async () => {
    let go = (): void => undefined;
    const rig = new Rig({
      functions: {
        async *foo() {
          try {
            yield 'a';
            yield 'b';
          } finally {
            await new Promise<void>((resolve) => {
              go = resolve;
            });
          }
        },
      },
    });
    rig.give('foo', ['m']);
    await rig.run();
    rig.tell({ kind: 'abort', keys: [1] });
    await rig.run();
    expect(rig.returned).toEqual([]);
    go();
    await rig.run();
    expect(rig.returned).toEqual([1]);
  });

  it('drops a result that waits for credit', async () => {
    const rig = new Rig({ functions: { foo: () => 'x'.repeat(10) } });
    rig.give('foo', ['m'], { bytes: [1] });
    await rig.run();
    expect(rig.hungry).toEqual([{ key: 1, bytes: 10 }]);
    rig.tell({ kind: 'abort', keys: [1] });
    await rig.run();
    expect([rig.said, rig.returned, rig.lent]).toEqual([[], [1], 0]);
  });
});
