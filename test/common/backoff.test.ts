import { expect, it } from 'vitest';
import { type Backoff, backoffMs } from '../../src/common/backoff.ts';

const longest = (backoff: Backoff): number[] => [1, 2, 3, 9, 20].map((failures) => backoffMs(backoff, failures, 1));

it.each<[Backoff, number[]]>([
  [{}, [100, 200, 400, 25_600, 30_000]],
  [{ maxMs: 50 }, [50, 50, 50, 50, 50]],
  [{ minMs: 60_000 }, [60_000, 60_000, 60_000, 60_000, 60_000]],
  [{ minMs: 10, maxMs: 25 }, [10, 20, 25, 25, 25]],
  [{ minMs: 7, maxMs: 1_000, factor: 1 }, [7, 7, 7, 7, 7]],
  [{ minMs: 0 }, [0, 0, 0, 0, 0]],
])('with %j the delays are at most %j', (backoff, delays) => {
  expect(longest(backoff)).toEqual(delays);
});

it('there is no delay after any number of failures, where none was asked for', () => {
  expect(backoffMs({ minMs: 0, factor: 100 }, 1_000, 1)).toBe(0);
  expect(backoffMs({ minMs: 1, factor: 100 }, 1_000, 1)).toBe(30_000);
});

it('half of a delay is random', () => {
  expect([0, 0.5, 1].map((jitter) => backoffMs({ minMs: 100 }, 1, jitter))).toEqual([50, 75, 100]);
});
