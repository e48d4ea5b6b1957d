// @ts-check
/**
 * What a job costs the pure master (see roles/crowd.js), as workers and queue grow.
 *
 * @import { Outcome, Settings } from '../types.ts'
 * @typedef {{ jobs: number, cpuMicros: number, partsPerRecord: number, resultsPerRecord: number }} Work
 * @typedef {{ workers: number, queued: number, first: number, works: Work[] }} Size
 */
import { startRole } from '../processes.js';
import { say } from '../rounds.js';
import { median, shown, shownSpread, spread } from '../stats.js';

const JOBS = 200_000;
/** What a shorter queue costs while it first drains is not looked at. */
const LEAST_QUEUE = 100_000;

/** @param {Work} work */
const cost = ({ cpuMicros, jobs }) => cpuMicros / jobs;

/** @param {readonly Size[]} sizes @param {number} runs */
async function measure(sizes, runs) {
  const roles = [];
  try {
    for (const size of sizes) {
      say(`growth: ${shown(size.workers)} workers, ${shown(size.queued)} queued parts`);
      const role = await startRole('growth', size);
      size.first = Number(role.ready['first']);
      roles.push({ size, role });
    }
    for (let run = 1; run <= runs; run += 1) {
      say(`growth: run ${run} of ${runs}`);
      for (const { size, role } of roles) size.works.push(await role.ask('work', { jobs: JOBS }));
    }
  } finally {
    await Promise.all(roles.map(({ role }) => role.end()));
  }
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function growth({ runs }) {
  /** @type {Size} */
  const few = { workers: 10, queued: 1_000, first: NaN, works: [] };
  /** @type {Size} */
  const waiting = { workers: 10, queued: 100_000, first: NaN, works: [] };
  // Were there fewer than some for each worker, they would be taken from those that are late, as nearly all are here: then batches differ.
  /** @type {Size} */
  const crowded = { workers: 10_000, queued: 100_000, first: NaN, works: [] };
  /** @type {Size} */
  const queued = { workers: 10, queued: 1_000_000, first: NaN, works: [] };
  const sizes = [few, waiting, crowded, queued];
  await measure(sizes, runs);
  /** @param {Size} size @param {Size} base */
  const times = (size, base) => spread(size.works.map((work, i) => cost(work) / cost(/** @type {Work} */ (base.works[i]))));
  const flat = { atMost: 1.1, text: 'flat (≤ 1.1x)' };
  const [byWorkers, byQueue] = [times(crowded, waiting), times(queued, few)];
  return {
    judged: [
      {
        row: 'growth: CPU a job at 10,000 workers',
        shown: `${shownSpread(byWorkers, 2)}x that at 10`,
        value: byWorkers.median,
        must: { atMost: 2, text: '≤ 2x' },
        aim: flat,
      },
      {
        row: 'growth: CPU a job at 1,000,000 queued parts',
        shown: `${shownSpread(byQueue, 2)}x that at 1,000`,
        value: byQueue.median,
        must: { atMost: 1.5, text: '≤ 1.5x' },
        aim: flat,
      },
    ],
    tables: [
      {
        title: 'growth: the pure master alone',
        note: 'Its state machine, driven without sockets and codec; each tick 10 workers report all they have, and as many jobs come in. What waited at first has gone through once by then: what a job cost meanwhile stands in a column of its own (measured once; not for a thousand, which is over too soon).',
        head: ['workers', 'queued parts', 'CPU µs a job', 'while the first queue drained', 'parts in a record', 'results in a record'],
        rows: sizes.map((size) => [
          shown(size.workers),
          shown(size.queued),
          shownSpread(spread(size.works.map(cost)), 3),
          size.queued < LEAST_QUEUE ? '' : shown(size.first, 3),
          shown(median(size.works.map(({ partsPerRecord }) => partsPerRecord)), 1),
          shown(median(size.works.map(({ resultsPerRecord }) => resultsPerRecord)), 1),
        ]),
      },
    ],
  };
}
