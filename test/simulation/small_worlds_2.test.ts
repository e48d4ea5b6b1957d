import { expect, it } from 'vitest';
import { blocks, violations } from './worlds.ts';

it.each(blocks(1001, 2000))('in worlds from seed $from on, nothing happens that must not', ({ from, count }) => {
  expect(violations(from, count)).toEqual([]);
});
