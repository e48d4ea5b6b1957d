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
        const items = Array.from({ length: 21 }, () => ({ rank: 0, place: -1 }));
        const heap = new Heap<{ rank: number; place: number }>((a, b) => a.rank < b.rank);
        const here = new Set<{ rank: number }>();
        const sorted = (): number[] => [...here].map(({ rank }) => rank).sort((a, b) => a - b);
        for (const { type, item: number, rank } of steps) {
          const item = items[number] as { rank: number; place: number };
          if (type === 'update') {
            item.rank = rank;
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
          expect(item.place >= 0).toBe(here.has(item));
          expect(heap.top?.rank).toBe(sorted()[0]);
        }
        const drained: number[] = [];
        const expected = sorted();
        for (let top = heap.top; top !== undefined; top = heap.top) {
          drained.push(top.rank);
          heap.remove(top);
        }
        expect(drained).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });
});
