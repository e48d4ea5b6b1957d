// @ts-check
/**
 * Drives a master with jobs that ask for cores, each for a while of its own.
 *
 * @import { Span } from '../workloads/grain.js'
 */
import { Client } from 'gristmill';
import { quiet } from './quiet.js';
import { config, serve } from './role.js';

const { address } = /** @type {{ address: string }} */ (config);
const client = new Client({ address, logger: quiet });

/** @param {{ jobs: { cores: number, ms: number }[], walltime: number }} task @returns {Promise<Span[]>} in the order of the jobs */
async function mixed({ jobs, walltime }) {
  const items = jobs.map(({ cores, ms }, index) => ({ payload: JSON.stringify({ index, ms }), resources: { cores, walltime } }));
  /** @type {Span[]} */
  const spans = [];
  for await (const result of client.job('span', items)) {
    const { index, ...span } = JSON.parse(result.toString());
    spans[index] = span;
  }
  return spans;
}

await client.status();
serve({}, { mixed });
