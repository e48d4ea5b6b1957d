// @ts-check
/**
 * W1, W2 and W4 by engine: the same client and the same workers, whatever carries the jobs. Nothing is judged: the engines do other things.
 *
 * @import { Case } from '../rounds.js'
 * @import { Line, Outcome, Sample, Settings, Table } from '../types.ts'
 */
import { calibrated, inTurns } from '../rounds.js';
import { over, perSecond, quantile, shownCpu, shownSpread } from '../stats.js';
import { bullmq, byEngine, gristmill, versionOf } from '../systems.js';

const SLEEPERS = 200;
const LONG_EVERY = 10;
const LONG_MS = 50;
const SHORT_MS = 1;
const WORKERS = 2;

/** Jobs before the first run: until then most of the time goes into code that is not compiled yet. */
const WARM_JOBS = 4_000;

/** @type {Case['prepare']} */
const warm = [(system) => system.run('throughput', { jobs: WARM_JOBS, bytes: 9, inFlight: 0 })];

/** @param {Case['run']} ours @param {() => Case['run']} theirs @returns {Case[]} */
function cases(ours, theirs) {
  /** @type {Case[]} */
  const all = [{ name: 'our master', start: () => gristmill(), run: ours }];
  for (const engine of /** @type {const} */ (['redis', 'nats'])) {
    const version = versionOf(engine);
    if (version === undefined) continue;
    all.push({ name: `${engine}-server ${version}`, start: () => byEngine(engine), prepare: warm, run: theirs() });
  }
  if (versionOf('redis') !== undefined)
    all.push({ name: 'BullMQ by itself', peer: true, start: () => bullmq(), prepare: warm, run: theirs() });
  return all;
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function pools(settings) {
  const { seconds } = settings;
  const small = { bytes: 9, inFlight: 0 };
  const throughput = await inTurns(
    'pools: W1',
    cases(calibrated('throughput', small, { seconds, first: 20_000 }), () => calibrated('throughput', small, { seconds, first: 1_000 })),
    settings,
  );
  const one = () => calibrated('latency', { bytes: 9 }, { seconds, first: 500, least: 100 });
  const latency = await inTurns('pools: W2', cases(one(), one), settings);
  const order = Array.from({ length: SLEEPERS }, (_, index) => (index % LONG_EVERY === 0 ? LONG_MS : SHORT_MS));
  /** @type {Case['run']} */
  const sleep = (system, warming) => system.run('sleeping', { order: warming ? order.slice(0, 40) : order });
  const sleeping = await inTurns(
    'pools: W4',
    cases(sleep, () => sleep),
    settings,
  );
  return { judged: [], tables: [table(throughput, latency, sleeping)] };
}

/** @param {Line[]} throughput @param {Line[]} latency @param {Line[]} sleeping @returns {Table} */
function table(throughput, latency, sleeping) {
  /** @param {number} part @returns {(sample: Sample) => number} */
  const micros = (part) => (sample) => quantile(sample.latencies, part) * 1_000;
  /** @param {Sample} sample */
  const worse = ({ ms, slept }) => ms / (slept.reduce((sum, one) => sum + one, 0) / WORKERS);
  return {
    title: 'Pools: W1, W2 and W4 by engine, 2 workers of one slot',
    note:
      'W1: 9-byte jobs as fast as they go through. W2: one in flight. W4: 200 jobs, every tenth of 50 ms, the others of 1 ms: makespan / (work / ' +
      'workers). The servers keep their data in files (appendonly; file storage). The CPU time of a server is in that of the process `server`. ' +
      'BullMQ by itself: two workers of one job at a time, a queue in memory.',
    head: ['engine', 'W1 jobs/s', 'W2 p50 µs', 'W2 p99 µs', 'W4', 'CPU µs a job in W1'],
    rows: throughput.map((line, at) => [
      line.name,
      shownSpread(over(line, perSecond)),
      shownSpread(over(/** @type {Line} */ (latency[at]), micros(0.5))),
      shownSpread(over(/** @type {Line} */ (latency[at]), micros(0.99))),
      shownSpread(over(/** @type {Line} */ (sleeping[at]), worse), 2),
      shownCpu(line),
    ]),
  };
}
