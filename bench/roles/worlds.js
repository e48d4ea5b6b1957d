// @ts-check
/** Runs small worlds of the simulator: `worlds.js first count`. */
import { simulate, smallWorld } from 'gristmill/simulator';

const [first = 1, count = 1] = process.argv.slice(2).map(Number);
for (let seed = first; seed < first + count; seed += 1) {
  const { violation } = simulate({ ...smallWorld(seed), history: false });
  if (violation !== undefined) throw new Error(`world ${seed}: ${violation}`);
}
