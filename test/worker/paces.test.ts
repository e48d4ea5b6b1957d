import { describe, expect, it } from 'vitest';
import { Pace } from '../../src/worker/paces.ts';
import { Rig } from './rig.ts';

function of(keys: readonly number[]): { keys: readonly number[]; grants: number[]; bytes: number[] } {
  return { keys, grants: keys.map(() => 100), bytes: keys.map(() => 1e9) };
}

describe('the pace of a function', () => {
  it('is not known before it has run, and forgets a slow run after some that were not', () => {
    const pace = new Pace();
    expect(pace.isUnder(1)).toBe(false);
    pace.ran(0.01);
    expect(pace.isUnder(1)).toBe(true);
    pace.ran(5);
    let runs = 0;
    for (; !pace.isUnder(1); runs += 1) pace.ran(0.01);
    expect(runs).toBeGreaterThan(50);
    expect(runs).toBeLessThan(100);
  });
});

describe('what has ended is told before a function begins that may block the event loop', () => {
  it('because it was never seen, or was slow', async () => {
    let nowMs = 0;
    const told: number[][] = [];
    const rig = new Rig({
      functions: {
        quick: () => 'x',
        slow: () => {
          told.push(rig.said.map(({ key }) => key));
          nowMs += 10;
          return 'y';
        },
      },
      now: () => nowMs,
    });
    rig.give('quick', ['a', 'b', 'c'], of([1, 2, 3]));
    rig.give('slow', ['d'], of([4]));
    rig.give('quick', ['e', 'f'], of([5, 6]));
    rig.give('slow', ['g'], of([7]));
    await rig.run();
    expect(told).toEqual([
      [1, 2, 3],
      [1, 2, 3, 4, 5, 6],
    ]);
  });

  it('but quick ones go on in the same turn', () => {
    let begun = 0;
    const rig = new Rig({
      functions: {
        quick: () => {
          begun += 1;
          return 'x';
        },
      },
      now: () => 0,
    });
    rig.give('quick', ['a', 'b', 'c'], of([1, 2, 3]));
    rig.tick();
    expect(begun).toBe(3);
  });
});
