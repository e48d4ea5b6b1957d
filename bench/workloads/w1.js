// @ts-check
/**
 * W1: as many 9-byte jobs as go through, two workers, results back.
 *
 * @import { Case } from '../rounds.js'
 * @import { Judged, Line, Outcome, Settings, Spread, Table } from '../types.ts'
 */
import { calibrated, inSteps, inTurns, lineOf } from '../rounds.js';
import { perSecond, ratio, over, shown, shownCpu, shownSpread } from '../stats.js';
import { bare, bullmq, gristmill, pool, redisVersion } from '../systems.js';

const OURS = 'gristmill';
const EIGHT = 'gristmill, 8 clients';
const DEALT = 'gristmill, roundRobin()';
const GRAIN = 'gristmill, grain()';
const ASYNC = 'gristmill, jobs from an async generator';
const KIB = 'gristmill, 1 KiB';
const BARE = 'bare';
const TUNED = 'bare, tuned';
const BARE_KIB = 'bare, 1 KiB';

/**
 * It takes that many jobs until all code that handles batches is compiled, and more where each of eight clients has its share of them. By
 * a few streams: code that has only seen one is compiled anew for the next.
 */
const WARM_JOBS = 400_000;
const EIGHT_WARM_JOBS = 1_000_000;
const BARE_FIRST_JOBS = 40_000;
const WARM_STREAMS = 4;
const LONGEST_S = 8;

/** @param {number} jobs @returns {Case['prepare']} */
function warmedBy(jobs) {
  const each = { jobs: jobs / WARM_STREAMS, bytes: 9, inFlight: 0 };
  return inSteps(WARM_STREAMS, LONGEST_S, (system) => system.run('throughput', each));
}

/**
 * Those that are judged, and the others: apart, so that nobody is idle for long.
 * @param {Settings} settings
 * @returns {{ judgedOnes: Case[], others: Case[] }}
 */
function cases({ seconds, quick }) {
  const small = { bytes: 9, inFlight: 0 };
  const kib = { bytes: 1_024, inFlight: 0 };
  const fast = { seconds, first: 20_000 };
  const [warm, warmEach] = quick ? [] : [warmedBy(WARM_JOBS), warmedBy(EIGHT_WARM_JOBS)];
  const slow = { seconds: seconds / 2, first: 1_000 };
  /** @type {Case[]} */
  const judgedOnes = [
    { name: BARE, start: () => bare(), run: calibrated('throughput', small, { seconds, first: BARE_FIRST_JOBS }) },
    { name: OURS, start: () => gristmill(), prepare: warm, run: calibrated('throughput', small, fast) },
    { name: EIGHT, start: () => gristmill({ clients: 8 }), prepare: warmEach, run: calibrated('throughput', small, fast) },
    { name: DEALT, start: () => gristmill({ policy: 'roundRobin' }), prepare: warm, run: calibrated('throughput', small, fast) },
    { name: GRAIN, start: () => gristmill({ policy: 'grain' }), prepare: warm, run: calibrated('throughput', small, fast) },
    { name: KIB, start: () => gristmill(), run: calibrated('throughput', kib, fast) },
    { name: BARE_KIB, start: () => bare(), run: calibrated('throughput', kib, fast) },
  ];
  /** @type {Case[]} */
  const others = [
    {
      name: ASYNC,
      start: () => gristmill(),
      run: calibrated('throughput', { ...small, source: 'async' }, { ...fast, seconds: seconds / 2 }),
    },
    { name: TUNED, start: () => bare({ tuned: true }), run: calibrated('throughput', small, { ...fast, seconds: seconds / 2 }) },
    { name: 'Piscina, 64 a thread', peer: true, start: () => pool('piscina', { each: 64 }), run: calibrated('throughput', small, slow) },
    { name: 'workerpool', peer: true, start: () => pool('workerpool'), run: calibrated('throughput', small, slow) },
  ];
  if (redisVersion() !== undefined) {
    const fifty = () => bullmq({ concurrency: 50 });
    others.push({ name: 'BullMQ, concurrency 50', peer: true, start: fifty, run: calibrated('throughput', small, slow) });
  }
  return { judgedOnes, others };
}

/** @param {Line[]} lines @returns {Judged[]} */
function judge(lines) {
  /** @param {string} one @param {string} other */
  const against = (one, other) => ratio(lineOf(lines, one), lineOf(lines, other), perSecond);
  /** @param {Spread} spread @param {string} what */
  const times = (spread, what) => ({ shown: `${shownSpread(spread, 2)}x ${what}`, value: spread.median });
  const within = { atLeast: 0.8, text: 'within 20 % of W1' };
  return [
    {
      row: 'W1: 9-byte jobs',
      ...times(against(OURS, BARE), 'bare'),
      must: { atLeast: 6, text: '≥ 6x bare' },
      aim: { atLeast: 10, text: '≥ 10x' },
    },
    { row: 'W1 with 8 clients', ...times(against(EIGHT, OURS), 'W1'), must: within },
    { row: 'W1 with roundRobin()', ...times(against(DEALT, OURS), 'W1'), must: within },
    { row: 'W1 with 1 KiB payloads', ...times(against(KIB, BARE_KIB), 'bare'), must: { atLeast: 3, text: '≥ 3x bare' } },
    { row: 'W1 with grain()', ...times(against(GRAIN, OURS), 'W1'), must: { atLeast: 0.75, text: 'within 25 % of W1' } },
  ];
}

/** @param {Line[]} judgedOnes @param {Line[]} others @returns {Table} */
function table(judgedOnes, others) {
  const base = lineOf(judgedOnes, BARE);
  /** @param {Line} line @param {string} times */
  const row = (line, times) => [line.name, shownSpread(over(line, perSecond)), times, shownCpu(line)];
  return {
    title: 'W1: 9-byte jobs, 2 workers, results back',
    note:
      'Jobs/s: median (min–max). `bare`: zeromq.js without us, one job a message, ROUTER to the client and ROUTER to the workers, each send ' +
      'awaited, window 10,000; `tuned`: DEALER to the workers, no send awaited. The CPU time of threads and child processes is in the client’s. ' +
      `Warmed up: gristmill, with roundRobin() and with grain() by ${shown(WARM_JOBS)} jobs, 8 clients by ${shown(EIGHT_WARM_JOBS)}, for ` +
      `${LONGEST_S} s at most, and two runs; the others by three runs (bare: the first of ${shown(BARE_FIRST_JOBS)} jobs), peers by two. ` +
      'What has no spread was not in turns with bare, but later: a ratio of medians.',
    head: ['system', 'jobs/s', 'times bare', 'CPU µs a job: user + system, each process'],
    rows: [
      ...judgedOnes.map((line) => {
        const floor = line.name.endsWith('1 KiB') ? lineOf(judgedOnes, BARE_KIB) : base;
        return row(line, shownSpread(ratio(line, floor, perSecond), 2));
      }),
      ...others.map((line) => row(line, shown(over(line, perSecond).median / over(base, perSecond).median, 2))),
    ],
  };
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function w1(settings) {
  const { judgedOnes, others } = cases(settings);
  const lines = await inTurns('W1', judgedOnes, settings);
  return { judged: judge(lines), tables: [table(lines, await inTurns('W1: others', others, settings))] };
}
