// @ts-check
/**
 * Runs things in turns: a round is one run of each, so that what disturbs the machine hits all of them. They warm up in turns as well, and
 * end that together: what has been idle for seconds is slower for thousands of jobs, since V8 gives back memory that is then faulted in
 * again. (Of three equal systems that warmed up one behind the other, the last was faster by 5 and by 30 %.)
 *
 * @import { System } from './systems.js'
 * @import { Line, Sample, Settings, Tasks } from './types.ts'
 *
 * @typedef {(system: System) => Promise<unknown>} Step
 *
 * @typedef {{
 *   name: string,
 *   peer?: boolean,
 *   start: () => Promise<System>,
 *   kept?: boolean,
 *   prepare?: readonly Step[] | undefined,
 *   run: (system: System, warming: boolean) => Promise<Sample>,
 * }} Case
 */
import { joined, perSecond } from './stats.js';

/** The first finds out how many jobs a run should have; after two more, most code is compiled, if nothing else has seen to that. */
const WARM_RUNS = 3;
const PREPARED_RUNS = 2;

/** Says what is going on. @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs of as many jobs as take about so long, which the warm-up finds out.
 * @template {'throughput' | 'latency'} T
 * @param {T} task
 * @param {Omit<Tasks[T], 'jobs'>} options
 * @param {{ seconds: number, first: number, least?: number }} size `first`: jobs of the first try; `least`: of any other
 * @returns {Case['run']}
 */
export function calibrated(task, options, { seconds, first, least = 1 }) {
  let jobs = first;
  return async (system, warming) => {
    const all = /** @type {Tasks[T]} */ ({ ...options, jobs });
    const sample = await system.run(task, all);
    if (warming) jobs = Math.max(least, Math.round(perSecond(sample) * seconds));
    return sample;
  };
}

/**
 * A warm-up in steps, of which a machine that is slow leaves out the last. (What V8 has not compiled by then it compiles in the runs that
 * count: they can only get slower by that.)
 * @param {number} steps
 * @param {number} seconds for each system
 * @param {Step} step
 * @returns {Step[]}
 */
export function inSteps(steps, seconds, step) {
  /** What each has taken so far, in milliseconds. @type {WeakMap<System, number>} */
  const taken = new WeakMap();
  /** @type {Step} */
  const timed = async (system) => {
    const before = taken.get(system) ?? 0;
    if (before >= seconds * 1_000) return;
    const since = performance.now();
    await step(system);
    taken.set(system, before + performance.now() - since);
  };
  return Array.from({ length: steps }, () => timed);
}

/** One case, started. */
class Entrant {
  /** @type {System | undefined} */
  system;

  /** @param {Case} one */
  constructor(one) {
    this.one = one;
    /** @type {Line} */
    this.line = { name: one.name, samples: [] };
  }

  /** Takes a step; a peer that cannot is left out from then on, anybody else ends the workload. @param {() => Promise<void>} step */
  async take(step) {
    try {
      await step();
    } catch (error) {
      if (this.one.peer !== true) throw error;
      say(`${this.one.name} is left out: ${error instanceof Error ? error.message : String(error)}`);
      this.line.samples = [];
      await this.stop();
    }
  }

  async start() {
    this.system = await this.one.start();
  }

  /** What it does before the runs that count. @param {boolean} quick @returns {Step[]} */
  steps(quick) {
    const { prepare, peer, run } = this.one;
    const runs = quick ? 1 : peer === true || prepare !== undefined ? PREPARED_RUNS : WARM_RUNS;
    return [...(prepare ?? []), ...Array.from({ length: runs }, () => (/** @type {System} */ system) => run(system, true))];
  }

  /** @param {Step | undefined} step */
  async step(step) {
    const { system } = this;
    if (system !== undefined && step !== undefined) await this.take(async () => void (await step(system)));
  }

  async stop() {
    const { system } = this;
    this.system = undefined;
    // What is kept was started by somebody who has more to do with it.
    if (this.one.kept !== true) await system?.stop();
  }
}

/** Who has fewer steps begins later. @param {readonly Entrant[]} entrants @param {boolean} quick */
async function warmUp(entrants, quick) {
  const plans = entrants.map((entrant) => ({ entrant, steps: entrant.steps(quick) }));
  for (let left = Math.max(...plans.map(({ steps }) => steps.length)); left > 0; left -= 1) {
    for (const { entrant, steps } of plans) await entrant.step(steps.at(-left));
  }
}

/**
 * A round: each runs, in so many turns.
 * @param {readonly Entrant[]} entrants
 * @param {number} turns
 */
async function round(entrants, turns) {
  const parts = entrants.map((entrant) => ({ entrant, samples: /** @type {Sample[]} */ ([]) }));
  for (let turn = 0; turn < turns; turn += 1) {
    for (const { entrant, samples } of parts) await entrant.step(async (system) => samples.push(await entrant.one.run(system, false)));
  }
  for (const { entrant, samples } of parts) if (entrant.system !== undefined) entrant.line.samples.push(joined(samples));
}

/**
 * Starts the systems, warms them up, and runs them in turns.
 * @param {string} title
 * @param {readonly Case[]} cases
 * @param {Settings} settings
 * @param {number} [turns] of each run: what disturbs the machine often does so for a second or so only, and is to hit all
 * @returns {Promise<Line[]>} the lines of those that ran
 */
export async function inTurns(title, cases, { runs, quick }, turns = 1) {
  const entrants = cases.map((one) => new Entrant(one));
  try {
    say(`${title}: starts`);
    const starts = await Promise.allSettled(entrants.map((entrant) => entrant.take(() => entrant.start())));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    say(`${title}: warms up`);
    await warmUp(entrants, quick);
    for (let run = 1; run <= runs; run += 1) {
      say(`${title}: run ${run} of ${runs}`);
      await round(entrants, turns);
    }
    return entrants.map(({ line }) => line).filter(({ samples }) => samples.length > 0);
  } finally {
    await Promise.all(entrants.map((entrant) => entrant.stop()));
  }
}

/** @param {readonly Line[]} lines @param {string} name @returns {Line} */
export function lineOf(lines, name) {
  const line = lines.find((one) => one.name === name);
  if (line === undefined) throw new Error(`there is no line ${name}`);
  return line;
}
