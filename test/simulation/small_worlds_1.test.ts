import { expect, it } from 'vitest';
import { blocks, violations } from './worlds.ts';

it.each(blocks(1, 1000))('in worlds from seed $from on, nothing happens that must not', ({ from, count }) => {
  expect(violations(from, count)).toEqual([]);
});
