// @ts-check
/**
 * `npm run bench`: gristmill, bare zeromq.js and other systems side by side. See arguments.js for what it can be told.
 *
 * It exits with 0 however slow gristmill is, and with 1 if something could not be measured.
 *
 * @import { Outcome, Settings } from './types.ts'
 */
import { writeFileSync } from 'node:fs';
import { RUNS, settingsOf, USAGE, USUAL, WORKLOADS } from './arguments.js';
import { machine } from './machine.js';
import { profile } from './profile.js';
import { report } from './results.js';
import { say } from './rounds.js';
import { grain } from './workloads/grain.js';
import { growth } from './workloads/growth.js';
import { memory } from './workloads/memory.js';
import { pools } from './workloads/pools.js';
import { simulator } from './workloads/simulator.js';
import { start } from './workloads/start.js';
import { w1 } from './workloads/w1.js';
import { w2 } from './workloads/w2.js';
import { w3 } from './workloads/w3.js';
import { w4 } from './workloads/w4.js';

/** @type {Record<string, (settings: Settings) => Promise<Outcome>>} */
const MEASURES = { W1: w1, W2: w2, W3: w3, W4: w4, memory, growth, start, simulator, pools, grain };

// Certificates that Node reads at every start, 80 ms if it is all that Debian has: no process here speaks TLS.
delete process.env['NODE_EXTRA_CA_CERTS'];

/** @param {Settings} settings */
async function bench(settings) {
  const date = new Date();
  const since = performance.now();
  const about = machine();
  /** @type {Outcome[]} */
  const outcomes = [];
  /** @type {string[]} */
  const unmeasured = [];
  for (const name of WORKLOADS.filter((one) => settings.only.includes(one))) {
    const began = performance.now();
    try {
      outcomes.push(await /** @type {(settings: Settings) => Promise<Outcome>} */ (MEASURES[name])(settings));
    } catch (error) {
      process.exitCode = 1;
      unmeasured.push(`${name} (${error instanceof Error ? error.message : String(error)})`);
      say(`${name} could not be measured: ${error instanceof Error ? error.stack : String(error)}`);
    }
    say(`${name} took ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  }
  const text = report(about, outcomes, { runs: settings.runs, minutes: (performance.now() - since) / 60_000, date, unmeasured });
  console.log(text);
  const full =
    !settings.quick && settings.runs >= RUNS && outcomes.length === USUAL.length && USUAL.every((name) => settings.only.includes(name));
  if (!full) return say('Not all was run in full: bench/RESULTS.md stays as it is.');
  writeFileSync(new URL('RESULTS.md', import.meta.url), text);
  say('Written to bench/RESULTS.md.');
}

/** @returns {Settings | undefined} */
function asked() {
  try {
    return settingsOf(process.argv.slice(2));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exitCode = 2;
    return undefined;
  }
}

const settings = asked();
if (settings !== undefined) await (settings.profile ? profile(settings) : bench(settings));
