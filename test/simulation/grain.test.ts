import { expect, it } from 'vitest';
import { grainWorld, simulate } from '../../src/simulator/index.ts';
import { blocks } from './worlds.ts';

it.each(blocks(1, 600))('in worlds with resources from seed $from on, nothing happens that must not', ({ from, count }) => {
  const found: string[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const { violation } = simulate({ ...grainWorld(seed), history: false });
    if (violation !== undefined) found.push(`SEED=${seed} npm run simulate -- --policy grain   # ${violation}`);
  }
  expect(found).toEqual([]);
});
