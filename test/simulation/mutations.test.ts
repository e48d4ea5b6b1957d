/** The simulator can fail: a bug planted in one of the state machines is found, in worlds where nothing happens without it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grainWorld, simulate, smallWorld } from '../../src/simulator/index.ts';
import { Mutants } from './mutating.ts';
import { MUTATIONS } from './mutations.ts';

/** So many worlds are enough to find any of them. */
const WITHIN = 400;
const TIMEOUT_MS = 120_000;

describe('the simulator finds', () => {
  let mutants: Mutants;
  beforeAll(() => {
    mutants = new Mutants();
  }, TIMEOUT_MS);
  afterAll(() => mutants.close());

  it.each(MUTATIONS)(
    '$name',
    async (mutation) => {
      const mutant = await mutants.load(mutation);
      const first = mutation.first ?? 1;
      let seed = first;
      const world = mutation.worlds === 'grain' ? mutant.grainWorld : mutant.smallWorld;
      const isFound = (): boolean => mutant.simulate({ ...world(seed), history: false }).violation !== undefined;
      while (!isFound() && seed < first + WITHIN) seed += 1;
      expect(seed).toBeLessThan(first + WITHIN);
      expect(simulate({ ...(mutation.worlds === 'grain' ? grainWorld : smallWorld)(seed), history: false }).violation).toBeUndefined();
    },
    TIMEOUT_MS,
  );
});
