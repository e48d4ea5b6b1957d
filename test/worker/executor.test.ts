import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { Served } from '../../src/worker/executor_options.ts';
import { Rig, settled } from './rig.ts';

/** Enough credit for anything here. */
const RICH = { grants: [100, 100, 100, 100], bytes: [1e9, 1e9, 1e9, 1e9] };

function of(keys: readonly number[]): { keys: readonly number[]; grants: number[]; bytes: number[] } {
  return { keys, grants: keys.map(() => 100), bytes: keys.map(() => 1e9) };
}

/** A promise of another realm, whose class is not ours. */
const foreign = (): Promise<string> => runInNewContext('Promise.resolve("x")') as Promise<string>;

describe('one result', () => {
  it.each([
    ['a Buffer', () => Buffer.from('x'), 'x'],
    ['a Uint8Array', () => new Uint8Array([120]), 'x'],
    ['a view of a larger one', () => Buffer.from('axb').subarray(1, 2), 'x'],
    ['text', () => 'grün', 'grün'],
    ['nothing', () => undefined, ''],
    ['null', () => null as unknown as undefined, ''],
    ['a promise of bytes', async () => Buffer.from('x'), 'x'],
    ['a promise of text', async () => 'x', 'x'],
    ['a promise of nothing', async () => undefined, ''],
    ['a promise that takes its time', () => settled().then(() => 'x'), 'x'],
    ['a promise of another kind', foreign, 'x'],
  ])('comes of a function that gives %s', async (_, foo, expected) => {
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m']);
    await rig.run();
    expect(rig.said).toEqual([{ key: 1, attempt: 1, index: 0, flags: 3, text: expected, error: undefined }]);
    expect(rig.store.count).toBe(0);
  });

  it('goes out with the worker for `this` and the message as a Buffer', async () => {
    const foo = function (this: { name: string }, message: Buffer): string {
      return `${this.name} got ${message.toString()} in a ${message.constructor.name}`;
    };
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m']);
    await rig.run();
    expect(rig.results()).toEqual(['owner got m in a Buffer']);
  });

  it('of an async function that ends at once lets the next begin in the same turn', async () => {
    let begun = 0;
    const rig = new Rig({
      functions: {
        foo: async () => {
          begun += 1;
          return 'x';
        },
      },
      // A clock that stands still: the turn does not end by itself.
      now: () => 0,
    });
    rig.give('foo', ['a', 'b', 'c'], of([1, 2, 3]));
    rig.tick();
    expect(begun).toBe(1);
    await settled();
    expect(begun).toBe(3);
    await rig.run();
    expect(rig.said.map(({ key }) => key)).toEqual([1, 2, 3]);
  });

  it('of a function that takes longer holds its lane', async () => {
    const ends: ((text: string) => void)[] = [];
    const foo = (): Promise<string> => new Promise((resolve) => ends.push(resolve));
    const rig = new Rig({ functions: { foo }, slots: 2 });
    rig.give('foo', ['a', 'b', 'c'], of([1, 2, 3]));
    await rig.run();
    expect(ends.length).toBe(2);
    ends[1]?.('second');
    await rig.run();
    expect(ends.length).toBe(3);
    expect(rig.said.map(({ key, text }) => [key, text])).toEqual([[2, 'second']]);
  });

  it('begins nothing more when the turn is over, and goes on in the next', () => {
    let clock = 0;
    const rig = new Rig({
      functions: {
        foo: () => {
          clock += 0.4;
        },
      },
      now: () => clock,
    });
    rig.give('foo', ['a', 'b', 'c', 'd', 'e'], of([1, 2, 3, 4, 5]));
    rig.tick();
    rig.tell({ kind: 'revoke', keys: [1, 2, 3, 4, 5] });
    rig.tick();
    expect(rig.said.map(({ key }) => key)).toEqual([1, 2, 3]);
    expect(rig.returned).toEqual([4, 5]);
  });
});

describe('many results', () => {
  it.each([
    [
      'a generator',
      function* () {
        yield 'a';
        yield Buffer.from('b');
        yield '';
      },
    ],
    [
      'an async generator',
      async function* () {
        yield 'a';
        await settled();
        yield Buffer.from('b');
        yield '';
      },
    ],
    [
      'a promise of a generator',
      async () =>
        (function* () {
          yield 'a';
          yield 'b';
          yield '';
        })(),
    ],
  ])('come of %s, one by one, then its end', async (_, foo) => {
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m'], of([1]));
    await rig.run(12);
    expect(rig.said.map(({ index, flags, text }) => [index, flags, text])).toEqual([
      [0, 1, 'a'],
      [1, 1, 'b'],
      [2, 1, ''],
      [3, 2, ''],
    ]);
    expect(rig.store.count).toBe(0);
  });

  it('of a generator that yields nothing are an end alone', async () => {
    const rig = new Rig({ functions: { *foo() {} } });
    rig.give('foo', ['m']);
    await rig.run();
    expect(rig.said.map(({ index, flags }) => [index, flags])).toEqual([[0, 2]]);
  });

  it('are copied when they are small: a generator may use its buffer again', async () => {
    const rig = new Rig({
      functions: {
        *foo() {
          const buffer = Buffer.alloc(1);
          for (const text of 'abc') {
            buffer.write(text);
            yield buffer;
          }
        },
      },
    });
    rig.give('foo', ['m'], of([1]));
    await rig.run();
    expect(rig.results()).toEqual(['a', 'b', 'c']);
  });

  it('come no faster than they are granted, and the generator lends its lane meanwhile', async () => {
    let pulled = 0;
    const rig = new Rig({
      functions: {
        *foo() {
          for (;;) yield String((pulled += 1));
        },
        bar: () => 'bar',
      },
    });
    rig.give('foo', ['m'], { grants: [3] });
    rig.give('bar', ['m'], { keys: [2] });
    await rig.run();
    expect(pulled).toBe(3);
    expect(rig.hungry).toEqual([{ key: 1, bytes: 0 }]);
    expect(rig.results(2)).toEqual(['bar']);
    expect(rig.lent).toBe(1);
    rig.tell({ kind: 'grant', keys: [1], results: [2], bytes: [0] });
    await rig.run();
    expect(rig.results()).toEqual(['1', '2', '3', '4', '5']);
    expect(rig.hungry.length).toBe(2);
  });

  it('of several generators come in turns, and parts that end come through as well', () => {
    let clock = 0;
    const rig = new Rig({
      functions: {
        *foo() {
          for (;;) {
            clock += 2;
            yield 'x';
          }
        },
        bar: () => {
          clock += 2;
        },
      },
      slots: 3,
      now: () => clock,
    });
    rig.give('foo', ['m', 'm'], of([1, 2]));
    rig.give('bar', ['m', 'm', 'm', 'm'], of([3, 4, 5, 6]));
    for (let i = 0; i < 30; i += 1) rig.tick();
    expect(rig.results(1).length).toBeGreaterThan(5);
    expect(rig.results(2).length).toBeGreaterThan(5);
    expect([3, 4, 5, 6].map((key) => rig.ended(key))).toEqual([true, true, true, true]);
  });

  it('of an async generator that never waits leave the event loop free', async () => {
    const rig = new Rig({
      functions: {
        async *foo() {
          for (;;) yield 'x';
        },
      },
    });
    rig.give('foo', ['m'], { grants: [1e9], bytes: [1e12] });
    rig.tick();
    await settled();
    rig.tell({ kind: 'abort', keys: [1] });
    await rig.run();
    expect(rig.returned).toEqual([1]);
  });
});

describe('what goes wrong', () => {
  const thrown = Object.assign(new Error('no'), { stack: 'Error: no\n  at here' });
  it.each([
    [
      'a function that throws',
      () => {
        throw thrown;
      },
      0,
    ],
    ['an async function', () => Promise.reject(thrown), 0],
    [
      'a generator',
      function* () {
        yield 'a';
        yield 'b';
        throw thrown;
      },
      2,
    ],
    [
      'an async generator',
      async function* () {
        yield 'a';
        await settled();
        throw thrown;
      },
      1,
    ],
  ])('%s fails its part, behind its results, with stack, worker, function and attempt', async (_, foo, index) => {
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m'], { ...of([1]), attempts: [3] });
    await rig.run();
    expect(rig.said.at(-1)).toMatchObject({ index, flags: 10, attempt: 3 });
    expect(rig.results().length).toBe(index);
    const about = { function: 'foo', worker: 'w', attempts: 3, phase: '' };
    expect(rig.error()).toEqual({ code: 'function-threw', message: 'no', stack: 'Error: no\n  at here', ...about });
  });

  it.each([
    ['text', 'oops', 'threw "oops"'],
    ['nothing', undefined, 'threw undefined'],
    ['an error without words', new RangeError(), 'RangeError'],
    [
      'something that cannot be looked at',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('mine');
          },
        },
      ),
      'threw something',
    ],
  ])('a function may throw %s', async (_, what, expected) => {
    const thing: unknown = what;
    const foo = (): never => {
      throw thing;
    };
    const rig = new Rig({ functions: { foo } });
    rig.give('foo', ['m', 'n'], RICH);
    await rig.run();
    expect(rig.error(1)?.message).toContain(expected);
    expect(rig.ended(2)).toBe(true);
  });

  it.each([
    ['a number', () => 5, 'foo returned 5; expected a Uint8Array'],
    ['an array', () => ['a'], 'foo returned an array of 1'],
    ['other typed arrays', () => new Float64Array(2), 'foo returned Float64Array of 16 bytes'],
    ['an ArrayBuffer', () => new ArrayBuffer(2), 'foo returned an object of class ArrayBuffer'],
    ['a promise of an object', async () => ({}), 'foo returned an object of class Object'],
    ['a function', () => () => 'x', 'foo returned function'],
    [
      'a generator of numbers',
      function* () {
        yield 5;
      },
      'foo yielded 5; expected a Uint8Array or a string',
    ],
    [
      'an async generator of nothing',
      async function* () {
        yield undefined;
      },
      'foo yielded undefined',
    ],
    [
      'an iterator that is none',
      () => ({ next: () => 5, [Symbol.iterator]: (): undefined => undefined }),
      'foo is no generator: next() gave 5',
    ],
    ['too much', () => Buffer.alloc(1_000_001), 'foo returned 1000001 bytes; the master takes at most 1000000 (maxMessageBytes)'],
    [
      'too much, later',
      function* () {
        yield Buffer.alloc(1_000_001);
      },
      'foo yielded 1000001 bytes',
    ],
  ])('a function that gives %s fails its part', async (_, foo, expected) => {
    const rig = new Rig({ functions: { foo: foo as unknown as Served } });
    rig.give('foo', ['m', 'n'], RICH);
    await rig.run();
    expect(rig.error(1)).toMatchObject({ code: 'bad-result' });
    expect(rig.error(1)?.message).toContain(expected);
    expect(rig.ended(2)).toBe(true);
    expect(rig.store.count).toBe(0);
  });

  it('a function that is not there fails its part, and names those that are', async () => {
    const rig = new Rig({ functions: { foo: () => 'x', bar: () => 'x' } });
    rig.give('constructor', ['m']);
    rig.give('foo', ['m'], { keys: [2] });
    await rig.run();
    expect(rig.error(1)).toMatchObject({ code: 'unknown-function', function: 'constructor' });
    expect(rig.error(1)?.message).toContain('only foo, bar');
    expect(rig.results(2)).toEqual(['x']);
  });
});

describe('what is to be said', () => {
  it('is said before a function begins that was never seen, and may block; later ones begin at once', () => {
    const rig = new Rig({ functions: { foo: () => 'x' } });
    rig.unsaid = true;
    rig.give('foo', ['m', 'm']);
    rig.tick();
    expect(rig.results(1)).toEqual([]);
    rig.unsaid = false;
    rig.tick();
    rig.unsaid = true;
    rig.tick();
    rig.tick();
    expect([...rig.results(1), ...rig.results(2)]).toEqual(['x', 'x']);
  });
});
