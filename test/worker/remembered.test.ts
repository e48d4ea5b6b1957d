import { describe, expect, it } from 'vitest';
import { Remembered } from '../../src/worker/remembered.ts';

const ROW = 2 ** 24;
const MOST = 8_192;

describe('what a worker remembers of parts by PUSH', () => {
  it('is the newest of them, each once', () => {
    const remembered = new Remembered();
    const keys = Array.from({ length: 3 * MOST }, (_, i) => (i % 500) + (1 + Math.floor(i / 500)) * ROW);
    for (const key of keys) {
      remembered.add(key);
      remembered.add(key);
    }
    expect(keys.filter((key) => remembered.has(key))).toEqual(keys.slice(-MOST));
    remembered.clear();
    expect(keys.some((key) => remembered.has(key))).toBe(false);
    remembered.add(7);
    expect(remembered.has(7)).toBe(true);
  });
});
