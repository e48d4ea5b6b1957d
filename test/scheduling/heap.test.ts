import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap } from '../../src/scheduling/heap.ts';

describe('the heap', () => {
  it('agrees with a sorted array, whatever comes, goes and changes its rank', () => {
    const step = fc.record({
      type: fc.constantFrom('update' as const, 'update' as const, 'remove' as const, 'pop' as const),
      item: fc.nat({ max: 20 }),
      rank: fc.nat({ max: 8 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const ranks = new Map<number, number>();
        const heap = new Heap((a, b) => (ranks.get(a) as number) < (ranks.get(b) as number));
        const here = new Set<number>();
        const sorted = (): number[] => [...here].map((item) => ranks.get(item) as number).sort((a, b) => a - b);
        for (const { type, item, rank } of steps) {
          if (type === 'update') {
            ranks.set(item, rank);
            heap.update(item);
            here.add(item);
          } else {
            const gone = type === 'pop' ? heap.top : item;
            if (gone !== undefined) {
              heap.remove(gone);
              here.delete(gone);
            }
          }
          expect(heap.size).toBe(here.size);
          expect(heap.has(item)).toBe(here.has(item));
          expect(heap.top === undefined ? undefined : ranks.get(heap.top)).toBe(sorted()[0]);
        }
        const drained: number[] = [];
        const expected = sorted();
        for (let top = heap.top; top !== undefined; top = heap.top) {
          drained.push(ranks.get(top) as number);
          heap.remove(top);
        }
        expect(drained).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
