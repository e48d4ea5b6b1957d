import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deque } from '../../src/machine/deque.ts';

describe('the deque', () => {
  it('agrees with an array', () => {
    const step = fc.oneof(
      fc.record({ type: fc.constantFrom('push' as const, 'unshift' as const), value: fc.integer() }),
      fc.constant({ type: 'shift' as const, value: 0 }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
        const deque = new Deque();
        const array: number[] = [];
        for (const { type, value } of steps) {
          const shifted = type === 'shift' ? [deque.shift(), array.shift()] : [];
          if (type !== 'shift') {
            deque[type](value);
            array[type](value);
          }
          expect(shifted[0]).toBe(shifted[1]);
          expect([deque.size, deque.peek()]).toEqual([array.length, array[0]]);
        }
        while (array.length > 0) expect(deque.shift()).toBe(array.shift());
        expect([deque.size, deque.shift(), deque.peek()]).toEqual([0, undefined, undefined]);
      }),
    );
  });
});
