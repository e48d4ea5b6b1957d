// @ts-check
/**
 * W4: 200 jobs that sleep, a tenth of them long, in one fixed order. What a perfect master would need is list scheduling: each job in its
 * turn to the worker that is free first. It is reckoned with how long each job slept in truth in that very run.
 *
 * @import { Case } from '../rounds.js'
 * @import { Judged, Outcome, Sample, Settings, Table } from '../types.ts'
 */
import { inSteps, inTurns, lineOf } from '../rounds.js';
import { over, shownCpu, shownSpread } from '../stats.js';
import { bullmq, gristmill, pool, redisVersion } from '../systems.js';

const JOBS = 200;
const LONG = 20;
const LONG_MS = 50;
const SHORT_MS = 1;
const SEED = 4;
/** Short jobs for each worker before the first run: until then it takes that all code they run is compiled, by threads that take the cores. */
const WARM_JOBS = 2_500;
const LONGEST_S = 8;
/** To others a job is one message whatever it does: jobs that take no time warm them up as well, and sooner. */
const PEER_JOBS = 5_000;
const SLOW_PEER_JOBS = 500;
const OURS = 'gristmill';

/** A small random number generator with a seed (mulberry32). @param {number} seed @returns {() => number} 0 to 1 */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @returns {number[]} */
function order() {
  const random = seeded(SEED);
  /** @type {number[]} */
  const all = Array.from({ length: JOBS }, (_, i) => (i < LONG ? LONG_MS : SHORT_MS));
  for (let i = all.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [all[i], all[j]] = [/** @type {number} */ (all[j]), /** @type {number} */ (all[i])];
  }
  return all;
}

/** The makespan of greedy list scheduling. @param {readonly number[]} durations @param {number} workers */
function greedy(durations, workers) {
  const free = Array.from({ length: workers }, () => 0);
  for (const duration of durations) {
    const first = free.indexOf(Math.min(...free));
    free[first] = /** @type {number} */ (free[first]) + duration;
  }
  return Math.max(...free);
}

/** @param {number} jobs in all @returns {Case['prepare']} */
function warmedByShort(jobs) {
  const order = Array.from({ length: JOBS }, () => SHORT_MS);
  return inSteps(Math.ceil(jobs / JOBS), LONGEST_S, (system) => system.run('sleeping', { order }));
}

/** @param {number} jobs @returns {Case['prepare']} */
function warmedBy(jobs) {
  return [(system) => system.run('throughput', { jobs, bytes: 9, inFlight: 0 })];
}

/** @param {number} workers @param {Settings} settings @returns {Case[]} */
function cases(workers, { quick }) {
  const jobs = order();
  /** @type {Case['run']} */
  const run = (system, warming) => system.run('sleeping', { order: warming ? jobs.map(() => SHORT_MS) : jobs });
  /** @type {Case[]} */
  const all = [
    { name: OURS, start: () => gristmill({ workers }), prepare: warmedByShort((quick ? JOBS : WARM_JOBS) * workers), run },
    { name: 'Piscina', peer: true, start: () => pool('piscina', { workers }), prepare: warmedBy(PEER_JOBS), run },
    { name: 'workerpool', peer: true, start: () => pool('workerpool', { workers }), prepare: warmedBy(PEER_JOBS), run },
  ];
  return redisVersion() === undefined
    ? all
    : [...all, { name: 'BullMQ', peer: true, start: () => bullmq({ workers }), prepare: warmedBy(SLOW_PEER_JOBS), run }];
}

/** @param {number} workers @param {Settings} settings @returns {Promise<Outcome>} */
async function sleepers(workers, settings) {
  const title = `W4: jobs that sleep, ${workers} workers`;
  /** @param {Sample} sample */
  const worse = ({ ms, slept }) => ms / greedy(slept, workers);
  /** @param {Sample} sample */
  const overshoot = ({ slept }) =>
    slept.reduce((sum, ms) => sum + ms, 0) / slept.length - (LONG * LONG_MS + (JOBS - LONG) * SHORT_MS) / JOBS;
  const lines = await inTurns(title, cases(workers, settings), settings);
  const ours = over(lineOf(lines, OURS), worse);
  /** @type {Judged} */
  const judged = {
    row: title,
    shown: `${shownSpread(ours, 3)}x greedy`,
    value: ours.median,
    must: { atMost: 1.04, text: '≤ 1.04x greedy' },
    aim: { atMost: 1.02, text: '1.02x' },
  };
  /** @type {Table} */
  const table = {
    title,
    note: `${JOBS} jobs, ${LONG} of ${LONG_MS} ms and ${JOBS - LONG} of ${SHORT_MS} ms, shuffled with seed ${SEED}; greedy list scheduling of that order with the times that the jobs slept in that run.`,
    head: ['system', 'makespan ms', 'times greedy', 'timer overshoot, ms a job', 'CPU µs a job'],
    rows: lines.map((line) => [
      line.name,
      shownSpread(over(line, ({ ms }) => ms)),
      shownSpread(over(line, worse), 3),
      shownSpread(over(line, overshoot), 2),
      shownCpu(line),
    ]),
  };
  return { judged: [judged], tables: [table] };
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function w4(settings) {
  const two = await sleepers(2, settings);
  const four = await sleepers(4, settings);
  return { judged: [...two.judged, ...four.judged], tables: [...two.tables, ...four.tables] };
}
