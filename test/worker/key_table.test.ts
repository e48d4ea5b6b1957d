import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../src/worker/key_table.ts';

const ROW = 2 ** 24;

describe('the table of keys', () => {
  it('does what a Map does', () => {
    // Few rows, many of them neighbours, with several uses each: so that places are taken, passed on and given back.
    const key = fc
      .tuple(fc.oneof(fc.nat(12), fc.nat(200), fc.constant(63), fc.constant(ROW - 1)), fc.nat(4))
      .map(([row, used]) => row + used * ROW);
    const step = fc.record({ key, local: fc.nat(1_000), set: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const table = new KeyTable();
        const simple = new Map<number, number>();
        for (const { key: one, local, set } of steps) {
          if (set) {
            table.set(one, local);
            simple.set(one, local);
          } else {
            table.delete(one);
            simple.delete(one);
          }
        }
        for (const { key: one } of steps) expect(table.get(one)).toBe(simple.get(one) ?? -1);
      }),
    );
  });
});
