// @ts-check
/** @import { Settings } from './types.ts' */
import { parseArgs } from 'node:util';

export const WORKLOADS = ['W1', 'W2', 'W3', 'W4', 'memory', 'growth', 'start', 'simulator', 'pools', 'grain'];
/** What is measured unless told otherwise: pools depend on which servers are there, and have no row of their own. */
export const USUAL = WORKLOADS.filter((name) => name !== 'pools');
export const RUNS = 5;
const SECONDS = 0.4;

export const USAGE = `npm run bench -- [options]

  --only W1,W3   some of the workloads: ${WORKLOADS.join(', ')}; default all but pools
  --runs N       runs of each, default ${RUNS}
  --quick        short runs, two of each: to see whether it works
  --profile      CPU profiles of master, client and worker under W1, and nothing else

Only a run without --only, in full, writes bench/RESULTS.md.`;

/** @param {string[]} args @returns {Settings} @throws TypeError or RangeError, with what is wrong */
export function settingsOf(args) {
  const { values } = parseArgs({
    args,
    options: { only: { type: 'string' }, runs: { type: 'string' }, quick: { type: 'boolean' }, profile: { type: 'boolean' } },
  });
  const { quick = false, profile = false } = values;
  const runs = values.runs === undefined ? (quick ? 2 : RUNS) : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new RangeError(`--runs: expected a positive integer, got ${values.runs}`);
  const only = (values.only ?? USUAL.join(',')).split(',').map((name) => {
    const known = WORKLOADS.find((one) => one.toLowerCase() === name.trim().toLowerCase());
    if (known === undefined) throw new RangeError(`--only: expected ${WORKLOADS.join(', ')}, got ${name}`);
    return known;
  });
  return { runs, seconds: quick ? SECONDS / 4 : SECONDS, quick, only, profile };
}
