// @ts-check
/**
 * Runs things in turns: a round is one run of each, so that what disturbs the machine hits all of them.
 *
 * @import { System } from './systems.js'
 * @import { Line, Sample, Settings, Task, Tasks } from './types.ts'
 */
import { perSecond } from './stats.js';

/** @typedef {{ name: string, start: () => Promise<System>, peer?: boolean, run: (system: System, warming: boolean) => Promise<Sample> }} Case */

/** Says what is going on. @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * A run of as many jobs as take about so long, which the warm-up finds out.
 * @template {'throughput' | 'latency'} T
 * @param {T} task
 * @param {Omit<Tasks[T], 'jobs'>} options
 * @param {{ seconds: number, first: number, least?: number }} size jobs of the first try, and the least of any
 * @returns {Case['run']}
 */
export function calibrated(task, options, { seconds, first, least = 1 }) {
  let jobs = first;
  return async (system, warming) => {
    const sample = await system.run(/** @type {Task} */ (task), { .../** @type {Tasks[Task]} */ (options), jobs });
    if (warming) jobs = Math.max(least, Math.round(perSecond(sample) * seconds));
    return sample;
  };
}

/**
 * Starts the systems, warms each up, and runs them in turns. A peer that cannot be run is told of and left out.
 * @param {string} title
 * @param {readonly Case[]} cases
 * @param {Settings} settings
 * @param {(systems: Map<string, System>) => Promise<void>} [last] before the systems are stopped
 * @returns {Promise<Line[]>}
 */
export async function inTurns(title, cases, { runs, quick }, last) {
  /** @type {{ one: Case, system: System, line: Line }[]} */
  const ready = [];
  try {
    for (const one of cases) {
      say(`${title}: ${one.name} warms up`);
      const system = await begin(one);
      if (system === undefined) continue;
      ready.push({ one, system, line: { name: one.name, samples: [] } });
      for (let i = 0; i < (quick ? 1 : 2); i += 1) await one.run(system, true);
    }
    for (let round = 1; round <= runs; round += 1) {
      say(`${title}: run ${round} of ${runs}`);
      for (const { one, system, line } of ready) line.samples.push(await one.run(system, false));
    }
    await last?.(new Map(ready.map(({ one, system }) => [one.name, system])));
    return ready.map(({ line }) => line);
  } finally {
    await Promise.all(ready.map(({ system }) => system.stop()));
  }
}

/** @param {Case} one @returns {Promise<System | undefined>} */
async function begin(one) {
  try {
    return await one.start();
  } catch (error) {
    if (one.peer !== true) throw error;
    say(`${one.name} is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** @param {readonly Line[]} lines @param {string} name @returns {Line} */
export function lineOf(lines, name) {
  const line = lines.find((one) => one.name === name);
  if (line === undefined) throw new Error(`there is no line ${name}`);
  return line;
}
