import { describe, expect, it } from 'vitest';
import { Remembered } from '../../src/worker/remembered.ts';

/** A part's key: a row of the master's table, and how often the row was used. */
const keyOf = (row: number, used: number): number => row + used * 2 ** 24;
const SHARED = 65_536;

describe('what a worker remembers of parts by PUSH', () => {
  it('is the newest of each row, and with it all that had the row before', () => {
    const remembered = new Remembered();
    const rows = [0, 1, 255, 4_000, SHARED - 1, 2 ** 24 - 1];
    // Beyond 31 bits, and beyond 32.
    for (const newest of [2, 3, 127, 128, 129, 255, 256, 70_000, 2 ** 28]) {
      for (const row of rows) {
        expect(remembered.has(keyOf(row, newest))).toBe(false);
        remembered.add(keyOf(row, newest));
        remembered.add(keyOf(row, newest));
        expect(remembered.has(keyOf(row, newest))).toBe(true);
        expect(remembered.has(keyOf(row, newest - 1))).toBe(true);
        expect(remembered.has(keyOf(row, newest + 1))).toBe(false);
      }
    }
    remembered.clear();
    for (const row of rows) expect(remembered.has(keyOf(row, 1))).toBe(false);
  });

  it('is the last of rows that share a place, and never taken for another', () => {
    const remembered = new Remembered();
    remembered.add(keyOf(7, 9));
    expect(remembered.has(keyOf(7 + SHARED, 1))).toBe(false);
    remembered.add(keyOf(7 + SHARED, 1));
    expect([remembered.has(keyOf(7, 9)), remembered.has(keyOf(7 + SHARED, 1))]).toEqual([false, true]);
  });

  it('is not what it was told to forget, unless another has come since', () => {
    const remembered = new Remembered();
    remembered.add(keyOf(7, 9));
    remembered.forget(keyOf(7, 10));
    remembered.forget(keyOf(7, 8));
    remembered.forget(keyOf(7 + SHARED, 9));
    expect(remembered.has(keyOf(7, 9))).toBe(true);
    remembered.forget(keyOf(7, 9));
    expect(remembered.has(keyOf(7, 9))).toBe(false);
  });
});
