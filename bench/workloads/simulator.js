// @ts-check
/**
 * How fast the simulator is: small worlds, by as many processes as the suite uses. The suite runs 2,000; here each run has some of them,
 * by processes that are warm, and what 2,000 would take is reckoned.
 *
 * @import { Outcome, Settings } from '../types.ts'
 */
import { startRole } from '../processes.js';
import { say } from '../rounds.js';
import { shown, shownSpread, spread } from '../stats.js';

/** Of the suite. */
const WORLDS = 2_000;
const PROCESSES = 2;
/** Of each process, in each run and before the first. */
const RUN_WORLDS = 50;

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function simulator({ runs, quick }) {
  const count = quick ? RUN_WORLDS / 5 : RUN_WORLDS;
  /** @type {Awaited<ReturnType<typeof startRole>>[]} */
  const roles = [];
  let first = 1;
  const run = async () => {
    const since = performance.now();
    await Promise.all(roles.map((role, i) => role.ask('worlds', { first: first + i * count, count })));
    first += PROCESSES * count;
    return ((performance.now() - since) / 1_000) * (WORLDS / (PROCESSES * count));
  };
  try {
    say('simulator: warms up');
    while (roles.length < PROCESSES) roles.push(await startRole('worlds', {}));
    await run();
    say(`simulator: ${runs} times ${PROCESSES * count} worlds`);
    /** @type {number[]} */
    const seconds = [];
    while (seconds.length < runs) seconds.push(await run());
    const took = spread(seconds);
    return {
      judged: [
        {
          row: `simulator: ${shown(WORLDS)} small worlds`,
          shown: `${shownSpread(took, 1)} s, reckoned from warm processes`,
          value: took.median,
          must: { atMost: 60, text: '≤ 60 s' },
        },
      ],
      tables: [],
    };
  } finally {
    await Promise.all(roles.map((role) => role.end()));
  }
}
