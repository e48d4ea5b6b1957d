// @ts-check
/**
 * Grain: 10 workers of 8 cores, and jobs of 1, 2, 4 and 8 cores that hold them for random times, all offered at once. Utilisation is what
 * of all cores was held, from the first job's start until the queue was dry: until the last job began. First-come-first-served is reckoned
 * for the same jobs with the times that they took in that very run: no job begins before those that came earlier have begun, and nothing
 * is lost between two jobs. (W1 has a line with grain(), whose jobs ask for nothing.)
 *
 * @import { Outcome, Settings } from '../types.ts'
 *
 * @typedef {{ cores: number, from: number, to: number }} Span what a job held, and from when to when
 */
import { say } from '../rounds.js';
import { shownSpread, spread } from '../stats.js';
import { mixed } from '../systems.js';

const WORKERS = 10;
const CORES = 8;
const JOBS = 400;
const SIZES = [1, 2, 4, 8];
const MS = /** @type {const} */ ([20, 200]);
const SEED = 5;
/** Seconds: what users would say of such jobs. */
const WALLTIME = 1;
const WARM_JOBS = 100;

/** A small random number generator with a seed (mulberry32). @param {number} seed @returns {() => number} 0 to 1 */
function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mix = Math.imul(state ^ (state >>> 15), 1 | state);
    mix = (mix + Math.imul(mix ^ (mix >>> 7), 61 | mix)) ^ mix;
    return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32;
  };
}

function jobs() {
  const random = seeded(SEED);
  return Array.from({ length: JOBS }, () => ({
    cores: /** @type {number} */ (SIZES[Math.floor(random() * SIZES.length)]),
    ms: Math.round(MS[0] + random() * (MS[1] - MS[0])),
  }));
}

/** What of the cores was held until the last job began, from 0 to 1. @param {readonly Span[]} spans */
function utilisation(spans) {
  const first = Math.min(...spans.map(({ from }) => from));
  const dry = Math.max(...spans.map(({ from }) => from));
  const held = spans.reduce((sum, { cores, from, to }) => sum + cores * (Math.min(to, dry) - from), 0);
  return held / (WORKERS * CORES * (dry - first));
}

/** The same jobs in the order in which they came, each where least is left over. @param {readonly Span[]} spans @returns {Span[]} */
function inOrder(spans) {
  const free = Array.from({ length: WORKERS }, () => CORES);
  /** @type {{ at: number, worker: number, cores: number }[]} */
  const running = [];
  let now = 0;
  return spans.map(({ cores, from, to }) => {
    const fit = () =>
      free.reduce((best, left, i) => (left >= cores && (best < 0 || left < /** @type {number} */ (free[best])) ? i : best), -1);
    let worker = fit();
    while (worker < 0) {
      running.sort((a, b) => a.at - b.at);
      const next = /** @type {{ at: number, worker: number, cores: number }} */ (running.shift());
      now = next.at;
      free[next.worker] = /** @type {number} */ (free[next.worker]) + next.cores;
      worker = fit();
    }
    free[worker] = /** @type {number} */ (free[worker]) - cores;
    running.push({ at: now + to - from, worker, cores });
    return { cores, from: now, to: now + to - from };
  });
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function grain({ runs, quick }) {
  const title = `grain(): ${JOBS} jobs of ${SIZES.join(', ')} cores on ${WORKERS} workers of ${CORES}`;
  const system = await mixed({ workers: WORKERS, cores: CORES });
  try {
    say(`${title}: warms up`);
    const all = jobs();
    /** @param {number} count @returns {Promise<Span[]>} */
    const run = async (count) => await system.role('client').ask('mixed', { jobs: all.slice(0, count), walltime: WALLTIME });
    await run(WARM_JOBS);
    /** @type {{ name: string, values: number[] }[]} */
    const lines = [
      { name: 'grain(), best-fit and backfill', values: [] },
      { name: 'first come, first served (reckoned)', values: [] },
    ];
    for (let round = 1; round <= (quick ? 1 : runs); round += 1) {
      say(`${title}: run ${round}`);
      const spans = await run(JOBS);
      lines[0]?.values.push(utilisation(spans));
      lines[1]?.values.push(utilisation(inOrder(spans)));
    }
    const percent = (/** @type {number[]} */ values) => spread(values.map((value) => value * 100));
    const ours = percent(lines[0]?.values ?? []);
    return {
      judged: [
        {
          row: 'grain(): utilisation until the queue is dry',
          shown: `${shownSpread(ours, 1)} %`,
          value: ours.median,
          must: { atLeast: 95, text: '≥ 95 %' },
        },
      ],
      tables: [
        {
          title,
          note: `Each holds its cores for ${MS[0]} to ${MS[1]} ms, seed ${SEED}; all say that they take at most ${WALLTIME} s.`,
          head: ['scheduling', 'utilisation until the queue is dry, %'],
          rows: lines.map(({ name, values }) => [name, shownSpread(percent(values), 1)]),
        },
      ],
    };
  } finally {
    await system.stop();
  }
}
