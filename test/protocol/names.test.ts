import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed, Reader } from '../../src/protocol/bytes.ts';
import { idFrom, idOf } from '../../src/protocol/ids.ts';
import { nameIn } from '../../src/protocol/names.ts';
import { Writer } from '../../src/protocol/writer.ts';

const word = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constantFrom(0, -1, 1, 2 ** 31 - 1, -(2 ** 31)));
const id = fc.tuple(word, word).map(([high, low]) => [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join(''));

describe('names that are remembered', () => {
  it('are the letters that stand there, whatever stood in their place before', () => {
    // So few letters that many names share a place.
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '~', ' ', '\0'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(name, { minLength: 300, maxLength: 300 }), fc.nat({ max: 5 }), (names, before) => {
        for (const each of [...names, ...names.toReversed()]) {
          const bytes = Buffer.concat([Buffer.alloc(before, 'x'), Buffer.from(each), Buffer.from('behind')]);
          expect(nameIn(bytes, before, each.length)).toBe(each);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are none where a letter is no plain one', () => {
    const bytes = Buffer.from('abcß');
    expect(nameIn(bytes, 0, 3)).toBe('abc');
    expect(nameIn(bytes, 0, bytes.length)).toBeUndefined();
    expect(nameIn(Buffer.from([0x80]), 0, 1)).toBeUndefined();
    expect(nameIn(Buffer.alloc(65, 'a'), 0, 64)).toBe('a'.repeat(64));
    expect(nameIn(Buffer.alloc(65, 'a'), 0, 65)).toBeUndefined();
  });
});

describe('ids that are remembered', () => {
  it('are the same as words and as text, however many there are', () => {
    fc.assert(
      fc.property(fc.array(id, { minLength: 1, maxLength: 200 }), (ids) => {
        for (const text of [...ids, ...ids.toReversed()]) {
          const { high, low } = idOf(text);
          expect([high | 0, low | 0]).toEqual([high, low]);
          expect(idFrom(high, low)).toBe(text);
        }
      }),
    );
    for (let n = 0; n < 5_000; n += 1)
      expect(idFrom(n * 7, n)).toBe(`${(n * 7).toString(16).padStart(8, '0')}${n.toString(16).padStart(8, '0')}`);
  });

  it('come out of a message as they went in', () => {
    fc.assert(
      fc.property(fc.array(id, { maxLength: 20 }), (ids) => {
        const writer = new Writer();
        for (const text of ids) writer.id(text);
        const reader = new Reader(writer.done());
        expect(ids.map(() => reader.id())).toEqual(ids);
        expect(reader.left).toBe(0);
      }),
    );
  });
});

describe('a writer', () => {
  it('may write while another does, and again after one was given up; what is done stays as it is', () => {
    const part = fc.array(fc.oneof(fc.nat({ max: 2 ** 31 }), fc.string({ maxLength: 300 })), { maxLength: 40 });
    const write = (writer: Writer, values: readonly (number | string)[]): void => {
      for (const value of values) {
        if (typeof value === 'number') writer.int(value);
        else writer.string(value);
      }
    };
    const read = (bytes: Buffer, values: readonly (number | string)[]): unknown[] => {
      const reader = new Reader(bytes);
      const got = values.map((value) => (typeof value === 'number' ? reader.int() : reader.string()));
      reader.end();
      return got;
    };
    fc.assert(
      fc.property(part, part, part, (first, second, third) => {
        const [outer, inner, givenUp] = [new Writer(), new Writer(), new Writer()];
        write(outer, first);
        write(inner, second);
        write(givenUp, third);
        const innerBytes = inner.done();
        write(outer, second);
        const outerBytes = outer.done();
        const last = new Writer();
        write(last, third);
        expect(read(last.done(), third)).toEqual(third);
        expect(read(innerBytes, second)).toEqual(second);
        expect(read(outerBytes, [...first, ...second])).toEqual([...first, ...second]);
      }),
    );
  });
});

describe('a reader of the first bytes of a frame', () => {
  it('reads none of those behind its end', () => {
    const writer = new Writer();
    writer.ints([1, 2, 3]);
    writer.u8(4);
    const bytes = writer.done();
    for (let end = 0; end < bytes.length - 1; end += 1) expect(() => new Reader(bytes, 0, end).ints()).toThrow(Malformed);
    const reader = new Reader(bytes, 0, bytes.length - 1);
    expect(reader.ints()).toEqual([1, 2, 3]);
    expect(reader.left).toBe(0);
    expect(() => reader.u8()).toThrow(Malformed);
    expect(() => reader.id()).toThrow(Malformed);
  });
});
