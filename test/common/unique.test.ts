import { expect, it, onTestFinished, vi } from 'vitest';
import { unique } from '../../src/common/unique.ts';

it('is twelve hexadecimal digits, and no other time the same', () => {
  const made = Array.from({ length: 10_000 }, unique);
  expect(made.filter((one) => !/^[0-9a-f]{12}$/.test(one))).toEqual([]);
  expect(new Set(made).size).toBe(10_000);
});

it('is another in each process, whatever chance a program has seeded', () => {
  const pid = Object.getOwnPropertyDescriptor(process, 'pid') as PropertyDescriptor;
  vi.spyOn(Math, 'random').mockReturnValue(0.5);
  onTestFinished(() => {
    vi.restoreAllMocks();
    Object.defineProperty(process, 'pid', pid);
  });
  // Half of it is the process's, and half the time's and the call's.
  const halves = Array.from({ length: 1_000 }, (_, i) => {
    Object.defineProperty(process, 'pid', { ...pid, value: 4_194_304 - i });
    return unique().slice(0, 6);
  });
  expect(new Set(halves).size).toBe(1_000);
  Object.defineProperty(process, 'pid', pid);
  expect(new Set(Array.from({ length: 1_000 }, unique)).size).toBeGreaterThan(990);
});
