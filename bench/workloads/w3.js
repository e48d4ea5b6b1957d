// @ts-check
/**
 * W3: large payloads echoed, eight in flight; and what the master needs for them.
 *
 * @import { Case } from '../rounds.js'
 * @import { System } from '../systems.js'
 * @import { Judged, Line, Outcome, Sample, Settings, Table } from '../types.ts'
 */
import { calibrated, inTurns, lineOf, say } from '../rounds.js';
import { over, ratio, shown, shownCpu, shownSpread } from '../stats.js';
import { bare, bullmq, gristmill, pool, redisVersion, together } from '../systems.js';

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

/** A system that payloads of one size after the other go through, and its master's memory. */
class Echo {
  /** @type {Memory} */
  memory = { small: 0, base: 0, peak: 0 };

  /** @param {string} name @param {System} system */
  constructor(name, system) {
    this.name = name;
    this.system = system;
  }

  /** Small jobs, and a mark: what code and young garbage take is not the payloads'. @param {number} jobs */
  async small(jobs) {
    await this.system.run('throughput', { jobs, bytes: 9, inFlight: 0 });
    this.memory.small = await this.#rss();
  }

  /** Payloads that have frames of their own, and a mark. @param {number} jobs */
  async large(jobs) {
    await this.system.run('throughput', { jobs, bytes: OWN_FRAME, inFlight: IN_FLIGHT });
    this.memory.base = await this.#rss();
  }

  async #rss() {
    return (await this.system.role('master').usage()).rss;
  }

  /** Payloads of one size: the master's highest memory is looked at after each run. @param {Case['run']} run @returns {Case} */
  case(run) {
    const master = this.system.role('master');
    return {
      name: this.name,
      kept: true,
      start: () => Promise.resolve(this.system),
      prepare: [() => master.ask('resetPeak')],
      run: async (system, warming) => {
        const sample = await run(system, warming);
        this.memory.peak = (await master.usage()).peakRss;
        return sample;
      },
    };
  }
}

/**
 * @param {number} bytes
 * @param {Settings} settings
 * @param {{ ours: Echo, base: Echo }} echoes
 * @param {{ atLeast: number, text: string }} must
 * @param {boolean} peers
 * @returns {Promise<Outcome>}
 */
async function echoed(bytes, settings, { ours, base }, must, peers) {
  const title = `W3: ${bytes / MIB} MiB payloads echoed`;
  /** @param {number} seconds */
  const run = (seconds) =>
    calibrated('throughput', { bytes, inFlight: IN_FLIGHT }, { seconds, first: IN_FLIGHT * 2, least: IN_FLIGHT * 3 });
  const other = () => run(settings.seconds / 2);
  const cases = [ours.case(run(settings.seconds)), base.case(run(settings.seconds))];
  if (peers) {
    cases.push(
      { name: 'Piscina', peer: true, start: () => pool('piscina', { each: 4 }), run: other() },
      { name: 'workerpool', peer: true, start: () => pool('workerpool'), run: other() },
    );
    if (redisVersion() !== undefined) cases.push({ name: 'BullMQ', peer: true, start: () => bullmq({ concurrency: 4 }), run: other() });
  }
  const lines = await inTurns(title, cases, settings);
  const memory = { [OURS]: ours.memory, [BARE]: base.memory };
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
  const after = bytes === MIB ? '' : ' The payloads of 1 MiB went through the same processes before.';
  return {
    title,
    note: `One direction counted, 8 in flight. Master: the highest RSS of all runs; how much that is above its RSS once warm, with small jobs and with ${OWN_FRAME_JOBS} payloads (bare: ${OWN_FRAME_JOBS_OF_BARE}) of ${OWN_FRAME / 1_024} KiB, which is what is judged; and above that with small jobs only, when V8 has not yet made room for young objects.${after}`,
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
  const systems = await together(gristmill(), bare());
  try {
    const [ours, base] = /** @type {[Echo, Echo]} */ (systems.map((system, i) => new Echo(i === 0 ? OURS : BARE, system)));
    say('W3: warms up');
    await ours.small(SMALL_JOBS);
    await base.small(SMALL_JOBS_OF_BARE);
    await ours.large(OWN_FRAME_JOBS);
    await base.large(OWN_FRAME_JOBS_OF_BARE);
    const one = await echoed(MIB, settings, { ours, base }, { atLeast: 0.9, text: '≥ 0.9x bare' }, true);
    const sixteen = await echoed(16 * MIB, settings, { ours, base }, { atLeast: 0.8, text: '≥ 0.8x bare' }, false);
    return { judged: [...one.judged, ...sixteen.judged], tables: [...one.tables, ...sixteen.tables] };
  } finally {
    await Promise.all(systems.map((system) => system.stop()));
  }
}
