// @ts-check
/**
 * What every process of the benchmark has in common: it answers what its parent asks, ends with its parent, and never outlives its time.
 *
 * @import { Driver, Usage } from '../types.ts'
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

const LIFE_MS = 280_000;
const PROFILE_MICROS = 200;

/** The parent's configuration. @type {Record<string, unknown>} */
export const config = JSON.parse(process.argv[2] ?? '{}');

/** Milliseconds since 1970 with fractions: the same clock in all processes. */
export const epochMs = () => performance.timeOrigin + performance.now();

/** CPU time of the processes that this one has started, in microseconds: /proc counts in ticks of 10 ms. @returns {number} */
function childMicros() {
  try {
    const pids = readdirSync('/proc/self/task').flatMap((task) =>
      readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    );
    return pids.reduce((sum, pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return sum + (Number(fields[11]) + Number(fields[12])) * 10_000;
    }, 0);
  } catch {
    return 0;
  }
}

/** @returns {number} */
function peakRss() {
  try {
    const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (found) return Number(found[1]) * 1_024;
  } catch {
    // Not Linux: the peak since the start is all there is.
  }
  return process.resourceUsage().maxRSS * 1_024;
}

/** @returns {Usage} */
function usage() {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system + childMicros(), rss: process.memoryUsage.rss(), peakRss: peakRss() };
}

/** @type {Session | undefined} */
let profiler;

/** @type {Record<string, (options: never) => unknown>} */
const common = {
  usage,
  gc: () => globalThis.gc?.(),
  resetPeak() {
    try {
      writeFileSync('/proc/self/clear_refs', '5');
    } catch {
      // Not Linux: see peakRss.
    }
  },
  async startProfile() {
    profiler = new Session();
    profiler.connect();
    await profiler.post('Profiler.enable');
    await profiler.post('Profiler.setSamplingInterval', { interval: PROFILE_MICROS });
    await profiler.post('Profiler.start');
  },
  async stopProfile(/** @type {{ file: string }} */ { file }) {
    if (profiler === undefined) throw new Error('no profile was started');
    const { profile } = await profiler.post('Profiler.stop');
    profiler.disconnect();
    writeFileSync(file, JSON.stringify(profile));
  },
};

/**
 * Says that this process is ready, and does from now on what the parent asks.
 * @param {unknown} ready what the parent should know
 * @param {Driver | Record<string, (options: never) => unknown>} tasks
 */
export function serve(ready, tasks = {}) {
  const known = /** @type {Record<string, (options: unknown) => unknown>} */ ({ ...common, ...tasks });
  /** @param {{ id: number, task: string, options: unknown }} asked */
  const answer = async ({ id, task, options }) => {
    try {
      const perform = known[task];
      if (perform === undefined) throw new Error(`no such task: ${task}`);
      process.send?.({ id, value: await perform(options) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  };
  process.on('message', (asked) => void answer(/** @type {Parameters<typeof answer>[0]} */ (asked)));
  process.send?.({ ready });
}

process.once('disconnect', () => process.exit(0));
// The parent may have gone before anybody listened.
if (!process.connected) process.exit(0);
setTimeout(() => process.exit(3), LIFE_MS).unref();
