// @ts-check
/** Runs small worlds of the simulator, when told to. */
import { simulate, smallWorld } from 'gristmill/simulator';
import { serve } from './role.js';

/** @param {{ first: number, count: number }} which their seeds */
function worlds({ first, count }) {
  for (let seed = first; seed < first + count; seed += 1) {
    const { violation } = simulate({ ...smallWorld(seed), history: false });
    if (violation !== undefined) throw new Error(`world ${seed}: ${violation}`);
  }
}

serve({}, { worlds });
