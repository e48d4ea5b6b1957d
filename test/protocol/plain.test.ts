import * as fc from 'fast-check';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { MAX_DEPTH, packValue, unpackValue } from '../../src/protocol/fields.ts';
import { plainMembers } from '../../src/protocol/plain.ts';

/** One value, as a field. */
function toPlain(value: unknown): unknown {
  return plainMembers('fields', { it: value })['it'];
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = i % 2 === 0 ? [value] : { value };
  return value;
}

/** Small, and yet without an end for who follows each way. */
function dag(levels: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = [value, value];
  return value;
}

const circle: Record<string, unknown> = { name: 'circle' };
circle['self'] = circle;

describe('plain data', () => {
  it('is what it was when it is read, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        fc.pre(!JSON.stringify(value).includes('"__proto__":'));
        // MessagePack of whole numbers has no -0.
        expect(JSON.stringify(unpackValue(packValue(toPlain(value))))).toBe(JSON.stringify(value));
      }),
    );
    const bytes = Buffer.from('bytes');
    expect(Buffer.from((unpackValue(packValue(toPlain({ a: [bytes] }))) as { a: [Uint8Array] }).a[0])).toEqual(bytes);
    expect(toPlain(nested(MAX_DEPTH))).toEqual(unpackValue(packValue(nested(MAX_DEPTH))));
  });

  it('leaves members out that are undefined, and takes objects without a prototype and of other realms', () => {
    expect(toPlain({ a: undefined, b: { c: undefined, d: 1 } })).toEqual({ b: { d: 1 } });
    expect(toPlain(Object.assign(Object.create(null), { a: 1 }))).toEqual({ a: 1 });
    expect(toPlain(runInNewContext('({ a: [1, { b: 2 }] })'))).toEqual({ a: [1, { b: 2 }] });
  });

  it.each([
    ['a function', { a: { b: () => 1 } }, TypeError, /^fields\.it\.a\.b: expected plain data \(.*\), got function b/],
    ['a date', { at: [new Date(0)] }, TypeError, /^fields\.it\.at\[0\]: expected plain data .*, got an object of class Date/],
    ['a set', new Set([1]), TypeError, /^fields\.it: .*, got an object of class Set/],
    ['a map', [new Map()], TypeError, /^fields\.it\[0\]: .*, got an object of class Map/],
    ['an error', { e: new Error('e') }, TypeError, /^fields\.it\.e: .*, got an object of class Error/],
    ['numbers in an array of their own', { a: new Float64Array(2) }, TypeError, /^fields\.it\.a: .*, got Float64Array of 16 bytes/],
    ['an object of a class', { a: new URL('file:///a') }, TypeError, /^fields\.it\.a: .*, got an object of class URL/],
    ['a BigInt', { a: 1n }, TypeError, /^fields\.it\.a: .*, got 1n/],
    ['a symbol', [Symbol('s')], TypeError, /^fields\.it\[0\]: .*, got Symbol\(s\)/],
    ['undefined in an array', [1, undefined], TypeError, /^fields\.it\[1\]: .*, got undefined/],
    [
      'a member that would be read as another',
      { a: JSON.parse('{"__proto__": 1}') },
      TypeError,
      /^fields\.it\.a: .*, got a member named __proto__$/,
    ],
    ['a circle', circle, RangeError, /^fields\.it(\.self){32}: expected plain data of at most 32 levels, got more/],
    ['more values than there can be bytes', dag(22), RangeError, /^fields: expected at most 262144 values, got more/],
    ['too many levels', nested(MAX_DEPTH + 1), RangeError, /at most 32 levels/],
  ] as [string, unknown, new () => Error, RegExp][])('is not %s', (_, value, type, message) => {
    expect(() => toPlain(value)).toThrow(type);
    expect(() => toPlain(value)).toThrow(message);
  });
});
