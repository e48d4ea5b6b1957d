// @ts-check
/**
 * W3: large payloads echoed, eight in flight; and what the master needs for them.
 *
 * @import { Case } from '../rounds.js'
 * @import { Judged, Line, Outcome, Sample, Settings, Table } from '../types.ts'
 */
import { calibrated, inTurns, lineOf } from '../rounds.js';
import { over, ratio, shown, shownCpu, shownSpread } from '../stats.js';
import { bare, bullmq, gristmill, pool, redisVersion } from '../systems.js';

const MIB = 1_048_576;
const OURS = 'gristmill';
const BARE = 'bare';
const IN_FLIGHT = 8;
/** It takes that many until a heap is as large as small jobs make it; bare has hardly any. */
const SMALL_JOBS = 100_000;
const SMALL_JOBS_OF_BARE = 20_000;
/** Of so many bytes: large enough for frames of their own. It takes that many until the code that handles such is compiled. */
const OWN_FRAME = 163_840;
const OWN_FRAME_JOBS = 6_000;
const OWN_FRAME_JOBS_OF_BARE = 1_000;

/** What a master's memory was after small jobs, before the first large payload, and at its highest. @typedef {{ small: number, base: number, peak: number }} Memory */

/** @param {number} bytes */
const rate = (bytes) => (/** @type {Sample} */ sample) => (sample.jobs * bytes) / 1_000 / sample.ms;

/**
 * Warms the system up with smaller jobs, and marks its master's memory: what code and young garbage take is not the payloads'.
 * @param {Memory} memory
 * @param {number} small
 * @param {number} large
 * @returns {Case['prepare']}
 */
function marked(memory, small, large) {
  return async (system) => {
    await system.run('throughput', { jobs: small, bytes: 9, inFlight: 0 });
    memory.small = (await system.role('master').usage()).rss;
    await system.run('throughput', { jobs: large, bytes: OWN_FRAME, inFlight: IN_FLIGHT });
    memory.base = (await system.role('master').usage()).rss;
    await system.role('master').ask('resetPeak');
  };
}

/** Runs, and looks at the master's highest memory after each. @param {Case['run']} run @param {Memory} memory @returns {Case['run']} */
function watched(run, memory) {
  return async (system, warming) => {
    const sample = await run(system, warming);
    memory.peak = (await system.role('master').usage()).peakRss;
    return sample;
  };
}

/**
 * @param {number} bytes
 * @param {Settings} settings
 * @param {{ atLeast: number, text: string }} must
 * @param {boolean} peers
 * @returns {Promise<Outcome>}
 */
async function echoed(bytes, settings, must, peers) {
  const title = `W3: ${bytes / MIB} MiB payloads echoed`;
  /** @param {number} seconds */
  const run = (seconds) =>
    calibrated('throughput', { bytes, inFlight: IN_FLIGHT }, { seconds, first: IN_FLIGHT * 2, least: IN_FLIGHT * 3 });
  const [judged, other] = [() => run(settings.seconds), () => run(settings.seconds / 2)];
  const memory = { [OURS]: { small: 0, base: 0, peak: 0 }, [BARE]: { small: 0, base: 0, peak: 0 } };
  /** @type {Case[]} */
  const cases = [
    {
      name: OURS,
      start: () => gristmill(),
      prepare: marked(memory[OURS], SMALL_JOBS, OWN_FRAME_JOBS),
      run: watched(judged(), memory[OURS]),
    },
    {
      name: BARE,
      start: () => bare(),
      prepare: marked(memory[BARE], SMALL_JOBS_OF_BARE, OWN_FRAME_JOBS_OF_BARE),
      run: watched(judged(), memory[BARE]),
    },
  ];
  if (peers) {
    cases.push(
      { name: 'Piscina', peer: true, start: () => pool('piscina', { each: 4 }), run: other() },
      { name: 'workerpool', peer: true, start: () => pool('workerpool'), run: other() },
    );
    if (redisVersion() !== undefined) cases.push({ name: 'BullMQ', peer: true, start: () => bullmq({ concurrency: 4 }), run: other() });
  }
  const lines = await inTurns(title, cases, settings);
  return { judged: judge(title, lines, bytes, memory, must), tables: [table(title, lines, bytes, memory)] };
}

/** @param {string} title @param {Line[]} lines @param {number} bytes @param {Record<typeof OURS | typeof BARE, Memory>} memory @param {{ atLeast: number, text: string }} must @returns {Judged[]} */
function judge(title, lines, bytes, memory, must) {
  const speed = ratio(lineOf(lines, OURS), lineOf(lines, BARE), rate(bytes));
  /** @param {Memory} of */
  const above = ({ base, peak }) => (peak - base) / bytes;
  const [payloads, floor] = [above(memory[OURS]), above(memory[BARE])];
  return [
    { row: title, shown: `${shownSpread(speed, 2)}x bare`, value: speed.median, must, aim: { atLeast: 1, text: 'equal' } },
    {
      row: `${title}: peak memory of the master`,
      shown: `${shown(payloads, 1)} payloads (bare: ${shown(floor, 1)})`,
      value: payloads,
      must: { atMost: 10, text: '≤ 10 payloads' },
    },
  ];
}

/** @param {string} title @param {Line[]} lines @param {number} bytes @param {Record<string, Memory>} memory @returns {Table} */
function table(title, lines, bytes, memory) {
  const base = lineOf(lines, BARE);
  return {
    title,
    note: `One direction counted, 8 in flight. Master: the highest RSS of all runs; how much that is above its RSS once warm, with small jobs and with ${OWN_FRAME_JOBS} payloads (bare: ${OWN_FRAME_JOBS_OF_BARE}) of ${OWN_FRAME / 1_024} KiB, which is what is judged; and above that with small jobs only, when V8 has not yet made room for young objects.`,
    head: ['system', 'MB/s', 'times bare', 'master: peak RSS, MB', 'CPU µs a job'],
    rows: lines.map((line) => {
      const { small, base: before, peak } = memory[line.name] ?? { small: NaN, base: NaN, peak: NaN };
      const text = Number.isNaN(peak) ? '' : `${shown(peak / 1e6)} (+${shown((peak - before) / 1e6)}, +${shown((peak - small) / 1e6)})`;
      return [line.name, shownSpread(over(line, rate(bytes))), shownSpread(ratio(line, base, rate(bytes)), 2), text, shownCpu(line)];
    }),
  };
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function w3(settings) {
  const one = await echoed(MIB, settings, { atLeast: 0.9, text: '≥ 0.9x bare' }, true);
  const sixteen = await echoed(16 * MIB, settings, { atLeast: 0.8, text: '≥ 0.8x bare' }, false);
  return { judged: [...one.judged, ...sixteen.judged], tables: [...one.tables, ...sixteen.tables] };
}
