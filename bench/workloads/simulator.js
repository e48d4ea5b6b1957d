// @ts-check
/**
 * How fast the simulator is: small worlds, on as many cores as the suite uses. All runs together have half as many as the suite; what
 * those would take is reckoned.
 *
 * @import { Outcome, Settings } from '../types.ts'
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { say } from '../rounds.js';
import { shown, shownSpread, spread } from '../stats.js';

/** Of the suite. */
const WORLDS = 2_000;
const RUN_WORLDS = 1_000;
const PROCESSES = 2;

/** Runs worlds from this seed on. @param {number} first @param {number} count */
async function worlds(first, count) {
  const path = fileURLToPath(new URL('../roles/worlds.js', import.meta.url));
  const child = spawn(process.execPath, [path, String(first), String(count)], { stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  if (status !== 0) throw new Error(`worlds from ${first} on ended with ${status}`);
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function simulator({ runs, quick }) {
  const count = PROCESSES * Math.ceil(RUN_WORLDS / PROCESSES / runs / (quick ? 10 : 1));
  say(`simulator: ${runs} times ${count} worlds`);
  /** @type {number[]} */
  const seconds = [];
  for (let run = 0; run < runs; run += 1) {
    const since = performance.now();
    await Promise.all(
      Array.from({ length: PROCESSES }, (_, i) => worlds(1 + ((run * PROCESSES + i) * count) / PROCESSES, count / PROCESSES)),
    );
    seconds.push(((performance.now() - since) / 1_000) * (WORLDS / count));
  }
  const took = spread(seconds);
  return {
    judged: [
      {
        row: `simulator: ${shown(WORLDS)} small worlds`,
        shown: `${shownSpread(took, 1)} s`,
        value: took.median,
        must: { atMost: 60, text: '≤ 60 s' },
      },
    ],
    tables: [],
  };
}
