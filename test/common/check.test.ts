import { describe, expect, it } from 'vitest';
import { checkBoolean, checkInteger, checkOptions, checkSignal, checkString, shown, toBytes } from '../../src/common/check.ts';

class Mill {
  readonly stones = 2;
}

const gone = new Uint8Array(3);
structuredClone(gone.buffer, { transfer: [gone.buffer] });

describe('a value in a message', () => {
  it.each([
    ['text', '"text"'],
    ['x'.repeat(100), `"${'x'.repeat(80)}…"`],
    [17, '17'],
    [17n, '17n'],
    [Number.NaN, 'NaN'],
    [null, 'null'],
    [undefined, 'undefined'],
    [true, 'true'],
    [Symbol('s'), 'Symbol(s)'],
    [function named() {}, 'function named'],
    [() => 1, 'function (anonymous)'],
    [new Float64Array(2), 'Float64Array of 16 bytes'],
    [Buffer.alloc(3), 'Buffer of 3 bytes'],
    [gone, 'a Uint8Array whose memory is gone'],
    [
      Object.defineProperty(new Uint8Array(3), 'byteLength', { value: 0 }),
      'a Uint8Array that has a length, or another such part, of its own',
    ],
    [Object.defineProperty(new Uint8Array(0), 'length', { value: 3 }), 'a Uint8Array that has a length, or another such part, of its own'],
    [new Proxy(new Uint8Array(3), {}), 'an object of class Uint8Array'],
    [Object.create(Uint8Array.prototype), 'an object of class Uint8Array'],
    [[1, 2, 3], 'an array of 3'],
    [{ a: 1 }, 'an object of class Object'],
    [new Mill(), 'an object of class Mill'],
    [Object.create(null), 'an object of class null'],
  ])('%o is shown as %s', (value, text) => expect(shown(value)).toBe(text));

  it('that cannot be looked at is shown, too', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const no = (): never => {
      throw new Error('no');
    };
    for (const value of [proxy, Object.defineProperty({}, 'constructor', { get: no }), new Proxy([], { get: no })])
      expect(shown(value)).toBe('something that cannot be looked at');
  });
});

describe('wrong arguments are told by name, with what was expected and what was seen', () => {
  const error = (run: () => unknown): string => {
    try {
      return `no error, but ${String(run())}`;
    } catch (error) {
      return String(error);
    }
  };

  it('options', () => {
    expect(error(() => checkOptions('new Client', { adress: 1 }, ['address', 'name']))).toBe(
      "TypeError: new Client: unknown option 'adress'; known are address, name",
    );
    for (const [options, seen] of [
      [null, 'null'],
      ['tcp', '"tcp"'],
      [[], 'an array of 0'],
    ]) {
      expect(error(() => checkOptions('f', options, []))).toBe(`TypeError: f: expected an object of options, got ${String(seen)}`);
    }
    expect(() => checkOptions('f', { a: undefined }, ['a'])).not.toThrow();
  });

  it('strings', () => {
    expect(checkString('name', 'w')).toBe('w');
    expect(error(() => checkString('name', 1))).toBe('TypeError: name: expected a string, got 1');
    expect(error(() => checkString('name', ''))).toBe("RangeError: name: expected a string that is not empty, got ''");
    expect(checkString('name', 'é'.repeat(512))).toHaveLength(512);
    expect(error(() => checkString('name', 'é'.repeat(513)))).toBe('RangeError: name: expected at most 1024 bytes, got 1026');
  });

  it('whole numbers', () => {
    expect([checkInteger('n', undefined, 7, 0), checkInteger('n', 0, 7, 0), checkInteger('n', 9, 7, 0, 9)]).toEqual([7, 0, 9]);
    for (const value of ['1', null, Number.NaN, 1n, {}]) {
      expect(error(() => checkInteger('n', value, 7, 0, 9))).toBe(`TypeError: n: expected a whole number from 0 to 9, got ${shown(value)}`);
    }
    for (const value of [-1, 10, 1.5, Infinity]) {
      expect(error(() => checkInteger('n', value, 7, 0, 9))).toBe(`RangeError: n: expected a whole number from 0 to 9, got ${value}`);
    }
  });

  it('switches', () => {
    expect([checkBoolean('b', undefined, true), checkBoolean('b', false, true)]).toEqual([true, false]);
    expect(error(() => checkBoolean('b', 'yes', true))).toBe('TypeError: b: expected true or false, got "yes"');
  });

  it('signals', () => {
    const { signal } = new AbortController();
    expect([checkSignal('signal', undefined), checkSignal('signal', signal)]).toEqual([undefined, signal]);
    expect(error(() => checkSignal('signal', { aborted: false }))).toBe(
      'TypeError: signal: expected an AbortSignal, got an object of class Object',
    );
  });

  it('bytes, which are never copied', () => {
    const view = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect([...toBytes('p', view)]).toEqual([2, 3]);
    expect(toBytes('p', view).buffer).toBe(view.buffer);
    expect(toBytes('p', 'é').toString('hex')).toBe('c3a9');
    for (const value of [1, null, undefined, [1], new Uint16Array(1), new ArrayBuffer(1)]) {
      expect(error(() => toBytes('payload', value))).toBe(`TypeError: payload: expected a Uint8Array or a string, got ${shown(value)}`);
    }
  });
});
