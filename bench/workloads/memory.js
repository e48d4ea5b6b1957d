// @ts-check
/**
 * What a queued job costs the master: many streams offer small jobs, and no worker is there.
 *
 * @import { Outcome, Settings } from '../types.ts'
 */
import { say } from '../rounds.js';
import { shown, shownSpread, spread } from '../stats.js';
import { gristmill } from '../systems.js';

const STREAMS = 100;
const JOBS = 1_000;

/** A fresh master each time. @returns {Promise<{ before: number, after: number, collected: number }>} */
async function fill() {
  const system = await gristmill({ workers: 0, execArgv: ['--expose-gc'] });
  try {
    const master = system.role('master');
    const { rss: before } = await master.usage();
    await system.role('client').ask('fill', { streams: STREAMS, jobs: JOBS });
    const { rss: after } = await master.usage();
    await master.ask('gc');
    const { rss: collected } = await master.usage();
    return { before, after, collected };
  } finally {
    await system.stop();
  }
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function memory({ runs }) {
  const fills = [];
  for (let run = 1; run <= runs; run += 1) {
    say(`memory: run ${run} of ${runs}`);
    fills.push(await fill());
  }
  const bytes = spread(fills.map(({ before, after }) => (after - before) / STREAMS / JOBS));
  const collected = spread(fills.map((one) => (one.collected - one.before) / STREAMS / JOBS));
  return {
    judged: [
      {
        row: 'memory: 100,000 queued small jobs',
        shown: `${shownSpread(bytes)} bytes each`,
        value: bytes.median,
        must: { atMost: 400, text: '≤ 400 bytes each' },
        aim: { atMost: 200, text: '200' },
      },
    ],
    tables: [
      {
        title: `memory: ${shown(STREAMS * JOBS)} queued jobs of 9 bytes, by ${STREAMS} streams`,
        note: 'RSS of a fresh master before and after; no worker is there. The last column is with garbage collected, for comparison.',
        head: ['RSS before, MB', 'RSS after, MB', 'bytes a job', 'without garbage'],
        rows: [
          [
            shownSpread(spread(fills.map(({ before }) => before / 1e6)), 1),
            shownSpread(spread(fills.map(({ after }) => after / 1e6)), 1),
            shownSpread(bytes),
            shownSpread(collected),
          ],
        ],
      },
    ],
  };
}
