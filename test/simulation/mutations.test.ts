import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Mutants } from './mutating.ts';
import { MUTATIONS } from './mutations.ts';

describe('m', () => {
  let mutants: Mutants;
  beforeAll(() => {
    mutants = new Mutants();
  }, 60_000);
  afterAll(() => mutants.close());
  it.each(MUTATIONS)(
    '$name',
    async (mutation) => {
      const { simulate, smallWorld } = await mutants.load(mutation);
      let found = '';
      let seed = 0;
      while (found === '' && seed < 2500) {
        seed += 1;
        found = simulate({ ...smallWorld(seed), history: false }).violation ?? '';
      }
      console.log(`${mutation.name} | ${seed} | ${found.split('\n')[0]?.slice(0, 140)}`);
      expect(found).not.toBe('');
    },
    2_000_000,
  );
});
