import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Malformed, Reader } from '../../src/protocol/bytes.ts';
import { Writer } from '../../src/protocol/writer.ts';
import {
  fieldValue,
  mergeFields,
  NO_FIELDS,
  packValue,
  readFields,
  toFields,
  unpackValue,
  writeFields,
} from '../../src/protocol/fields.ts';

function hex(text: string): Uint8Array {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string(),
    fc.integer(),
    // MessagePack of whole numbers has no -0.
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('value'), { maxLength: 20 }),
  map: fc.dictionary(
    fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'),
    tie('value'),
    { maxKeys: 20, noNullPrototype: true },
  ),
})).value;

describe('fields', () => {
  it('plain data goes there and back', () => {
    fc.assert(
      fc.property(plain, (value) => {
        expect(unpackValue(packValue(value))).toEqual(value);
      }),
    );
  });

  it('bytes and large numbers do, too', () => {
    expect(Buffer.from(unpackValue(packValue(Buffer.alloc(70_000, 7))) as Uint8Array)).toEqual(Buffer.alloc(70_000, 7));
    for (const value of [2 ** 31, 2 ** 32, 2 ** 40, -(2 ** 31) - 1, 2 ** 53 - 1, 0.1]) expect(unpackValue(packValue(value))).toBe(value);
  });

  it('random bytes are Malformed or a value, and nothing else', () => {
    const random = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(plain, fc.nat(), fc.nat({ max: 255 })).map(([value, at, byte]) => {
        const packed = Buffer.from(packValue(value));
        packed[at % packed.length] = byte;
        return packed;
      }),
    );
    fc.assert(
      fc.property(random, (bytes) => {
        let thrown: unknown = new Malformed();
        try {
          unpackValue(bytes);
        } catch (error) {
          thrown = error;
        }
        expect(thrown).toBeInstanceOf(Malformed);
      }),
      { numRuns: 5_000 },
    );
  });

  it('headers with huge counts are refused at once, without making room', () => {
    const lies = ['dd ffffffff', 'df ffffffff', 'dc ffff', 'de ffff', 'c6 ffffffff', 'db ffffffff', 'c5 ffff', 'da ffff', 'c4 ff', 'd9 ff'];
    const nested = lies.flatMap((lie) => [lie, `91 ${lie}`, `81 a161 ${lie}`, `${lie} 00`, `${lie} dd ffffffff`]);
    const extensions = ['c7 ff 01', 'c8 ffff 01', 'c9 ffffffff 01', 'd4 01 00', 'd6 ff 00000000', 'd8 01', 'c1'];
    const before = process.memoryUsage();
    for (const lie of [...nested, ...extensions]) expect(() => unpackValue(hex(lie))).toThrow(Malformed);
    const after = process.memoryUsage();
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2 ** 20);
    expect(after.heapUsed - before.heapUsed).toBeLessThan(32 * 2 ** 20);
  });

  it('values nested too deeply, cut short or with trailing bytes are refused', () => {
    expect(() => unpackValue(hex('91'.repeat(100) + 'c0'))).toThrow('nested too deeply');
    expect(unpackValue(hex('91'.repeat(32) + 'c0'))).toHaveLength(1);
    expect(() => unpackValue(hex('c0 c0'))).toThrow('trailing bytes');
    const packed = packValue({ a: [1, 2.5, 'text', 70_000, -70_000, 2 ** 40], b: { c: null, d: true } });
    for (let length = 0; length < packed.length; length += 1) expect(() => unpackValue(packed.subarray(0, length))).toThrow(Malformed);
  });

  it('a name like __proto__ touches no prototype', () => {
    const value = unpackValue(hex(`81 a9 ${Buffer.from('__proto__').toString('hex')} 81 a161 01`)) as Record<string, unknown>;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(value['a']).toBeUndefined();
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  it('are written and read as they are, whatever their bytes', () => {
    const some = fc.array(
      fc.tuple(
        fc.string(),
        fc.uint8Array().map((value) => Buffer.from(value)),
      ),
    );
    fc.assert(
      fc.property(some, (fields) => {
        const writer = new Writer();
        writeFields(writer, fields);
        const reader = new Reader(writer.done());
        expect(readFields(reader)).toEqual(fields);
        expect(reader.left).toBe(0);
      }),
    );
  });

  it('outlive the frame in which they came', () => {
    const writer = new Writer();
    writeFields(writer, [['a', hex('01')]]);
    const frame = Buffer.from(writer.done());
    const fields = readFields(new Reader(frame));
    frame.fill(0);
    expect(fieldValue(fields, 'a')).toBe(1);
  });

  it('a value is found by its name; one that cannot be read is as none', () => {
    const fields = toFields({ retries: 3, deadline: undefined, codec: 'json' });
    expect(fields.map(([name]) => name)).toEqual(['retries', 'codec']);
    expect([fieldValue(fields, 'retries'), fieldValue(fields, 'codec'), fieldValue(fields, 'deadline')]).toEqual([3, 'json', undefined]);
    expect(fieldValue([['x', hex('c1')]], 'x')).toBeUndefined();
  });

  it("a job's fields win over its stream's, name by name", () => {
    const under = toFields({ a: 1, b: 2 });
    const merged = mergeFields(under, toFields({ b: 3, c: 4 }));
    expect(merged.map(([name]) => [name, fieldValue(merged, name)])).toEqual([
      ['a', 1],
      ['b', 3],
      ['c', 4],
    ]);
    expect([mergeFields(under, NO_FIELDS), mergeFields(NO_FIELDS, under)]).toEqual([under, under]);
  });
});
