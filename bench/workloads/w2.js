// @ts-check
/**
 * W2: one job in flight.
 *
 * @import { Case, Step } from '../rounds.js'
 * @import { Line, Outcome, Sample, Settings } from '../types.ts'
 */
import { calibrated, inTurns, lineOf } from '../rounds.js';
import { over, quantile, ratio, shown, shownCpu, shownSpread } from '../stats.js';
import { bare, bullmq, gristmill, pool, redisVersion } from '../systems.js';

const OURS = 'gristmill';
const BARE = 'bare';

/** @param {Sample} sample */
const p50 = ({ latencies }) => quantile(latencies, 0.5) * 1_000;
/** @param {Sample} sample */
const p99 = ({ latencies }) => quantile(latencies, 0.99) * 1_000;

/**
 * Jobs one at a time before the first run: until then it takes that all code they run is compiled, by threads that take the cores. By as
 * many streams as there will be runs, and some more: code that has only seen one is compiled anew for the next.
 */
const LONE_JOBS = 12_000;
const LONE_JOBS_OF_BARE = 3_600;
const CALLS = 4_800;
/** As many as go through, before them: that is quick. */
const WARM_JOBS = 100_000;
const WARM_JOBS_OF_BARE = 10_000;
const WARM_CALLS = 20_000;
const FEWER_LONE_JOBS = 1_200;
const STREAMS = 20;
/** Of each run of those that are judged. */
const TURNS = 3;

/** @param {number} jobs @param {number} lone @param {object} [how] @returns {Case['prepare']} */
function warmedBy(jobs, lone, how = {}) {
  /** @type {Step} */
  const oneByOne = (system) => system.run('latency', { jobs: lone / STREAMS, bytes: 9, ...how });
  return [(system) => system.run('throughput', { jobs, bytes: 9, inFlight: 0 }), ...Array.from({ length: STREAMS }, () => oneByOne)];
}

/**
 * Those that are judged, calls, and the others. Apart, since nobody else's processes should be there to wake up now and then: what a lone
 * job waits for is the scheduler.
 * @param {Settings} settings
 * @returns {{ judgedOnes: Case[], calls: Case[], others: Case[] }}
 */
function cases({ seconds, quick }) {
  const lone = quick ? FEWER_LONE_JOBS : LONE_JOBS;
  const size = { seconds, first: 500, least: 300 };
  const judged = () => calibrated('latency', { bytes: 9 }, size);
  const other = () => calibrated('latency', { bytes: 9 }, { ...size, seconds: seconds / 2 });
  const byCall = calibrated('latency', { bytes: 9, by: 'call' }, { ...size, seconds: seconds / 2 });
  /** @type {Case[]} */
  const judgedOnes = [
    { name: OURS, start: () => gristmill(), prepare: warmedBy(WARM_JOBS, lone), run: judged() },
    { name: BARE, start: () => bare(), prepare: warmedBy(WARM_JOBS_OF_BARE, quick ? lone : LONE_JOBS_OF_BARE), run: judged() },
  ];
  /** @type {Case[]} */
  const calls = [
    {
      name: 'gristmill, call()',
      start: () => gristmill(),
      prepare: warmedBy(WARM_CALLS, quick ? lone : CALLS, { by: 'call' }),
      run: byCall,
    },
  ];
  /** @type {Case[]} */
  const others = [
    { name: 'Piscina', peer: true, start: () => pool('piscina'), prepare: warmedBy(5_000, FEWER_LONE_JOBS), run: other() },
    { name: 'workerpool', peer: true, start: () => pool('workerpool'), prepare: warmedBy(5_000, FEWER_LONE_JOBS), run: other() },
  ];
  if (redisVersion() !== undefined)
    others.push({ name: 'BullMQ', peer: true, start: () => bullmq(), prepare: warmedBy(1_000, 600), run: other() });
  return { judgedOnes, calls, others };
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function w2(settings) {
  const { judgedOnes, calls, others } = cases(settings);
  const lines = await inTurns('W2', judgedOnes, settings, TURNS);
  lines.push(...(await inTurns('W2: call()', calls, settings)), ...(await inTurns('W2: others', others, settings)));
  const [ours, base] = [lineOf(lines, OURS), lineOf(lines, BARE)];
  const [middle, tail] = [ratio(ours, base, p50), ratio(ours, base, p99)];
  return {
    judged: [
      {
        row: 'W2: one job in flight, p50',
        shown: `${shownSpread(middle, 2)}x bare`,
        value: middle.median,
        must: { atMost: 1.15, text: '≤ 1.15x bare' },
        aim: { atMost: 1, text: 'equal' },
      },
      {
        row: 'W2: one job in flight, p99',
        shown: `${shownSpread(tail, 2)}x bare`,
        value: tail.median,
        must: { atMost: 1.5, text: '≤ 1.5x bare' },
        aim: { atMost: 1, text: 'equal' },
      },
    ],
    tables: [
      {
        title: 'W2: one 9-byte job in flight',
        note:
          'Round trip in µs: median of the runs (min–max). `call()` opens a stream for each job; the other line is one stream of all. ' +
          `Warmed up by ${shown(WARM_JOBS)} jobs at once and ${shown(LONE_JOBS)} one by one (bare: ${shown(WARM_JOBS_OF_BARE)} and ` +
          `${shown(LONE_JOBS_OF_BARE)}, as it has little code to compile; calls: ${shown(WARM_CALLS)} and ${shown(CALLS)}). ` +
          'A run of the first two is three turns, one of theirs after one of the other; the other lines had the machine for themselves, so theirs is a ratio of medians.',
        head: ['system', 'p50 µs', 'p99 µs', 'p50, times bare', 'CPU µs a job'],
        rows: lines.map((line) => row(line, base)),
      },
    ],
  };
}

/** @param {Line} line @param {Line} base */
function row(line, base) {
  const isJudged = line.name === OURS || line.name === BARE;
  const times = isJudged ? shownSpread(ratio(line, base, p50), 2) : shown(over(line, p50).median / over(base, p50).median, 2);
  return [line.name, shownSpread(over(line, p50)), shownSpread(over(line, p99)), times, shownCpu(line)];
}
