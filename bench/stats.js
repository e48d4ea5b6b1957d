// @ts-check
/** @import { Line, Sample, Spread } from './types.ts' */

/** @param {readonly number[]} values @returns {number} */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? at(sorted, middle) : (at(sorted, middle - 1) + at(sorted, middle)) / 2;
}

/** @param {readonly number[]} values @param {number} index */
function at(values, index) {
  return values[index] ?? NaN;
}

/** Of numbers that are sorted already. @param {readonly number[]} sorted @param {number} share 0 to 1 */
export function quantile(sorted, share) {
  return at(sorted, Math.min(sorted.length - 1, Math.floor(sorted.length * share)));
}

/** @param {readonly number[]} values @returns {Spread} */
export function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

/** @param {Line} line @param {(sample: Sample) => number} value @returns {Spread} */
export function over(line, value) {
  return spread(line.samples.map(value));
}

/**
 * What one line is to another, run by run: runs of the same round were next to each other, so that noise hit both.
 * @param {Line} one @param {Line} other @param {(sample: Sample) => number} value
 * @returns {Spread}
 */
export function ratio(one, other, value) {
  const pairs = Math.min(one.samples.length, other.samples.length);
  return spread(
    Array.from(
      { length: pairs },
      (_, i) => value(/** @type {Sample} */ (one.samples[i])) / value(/** @type {Sample} */ (other.samples[i])),
    ),
  );
}

/** The turns of a run as one. @param {readonly Sample[]} turns @returns {Sample} */
export function joined(turns) {
  /** @type {Record<string, number>} */
  const cpuMicros = {};
  for (const turn of turns) for (const [name, micros] of Object.entries(turn.cpuMicros)) cpuMicros[name] = (cpuMicros[name] ?? 0) + micros;
  return {
    ms: turns.reduce((sum, { ms }) => sum + ms, 0),
    jobs: turns.reduce((sum, { jobs }) => sum + jobs, 0),
    latencies: turns.flatMap(({ latencies }) => latencies).sort((a, b) => a - b),
    slept: turns.flatMap(({ slept }) => slept),
    cpuMicros,
  };
}

/** @param {Sample} sample */
export const perSecond = (sample) => (sample.jobs / sample.ms) * 1_000;

/** @param {number} value @param {number} [digits] */
export function shown(value, digits = 0) {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {Spread} values @param {number} [digits] */
export function shownSpread({ median: middle, min, max }, digits = 0) {
  return `${shown(middle, digits)} (${shown(min, digits)}–${shown(max, digits)})`;
}

/** CPU time for each job, by process, in microseconds: medians of all runs. Eight clients are told as one sum. @param {Line} line */
export function shownCpu(line) {
  /** @type {Map<string, string[]>} */
  const kinds = new Map();
  for (const name of Object.keys(line.samples[0]?.cpuMicros ?? {})) {
    const kind = name.replace(/\d+$/, '');
    kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  /** @param {Sample} sample @param {string[]} names */
  const used = (sample, names) => names.reduce((sum, name) => sum + (sample.cpuMicros[name] ?? 0), 0) / sample.jobs;
  const texts = [...kinds].map(([kind, names]) => {
    if (names.length > 4) return `${names.length} ${kind}s ${micros(over(line, (sample) => used(sample, names)).median)}`;
    return `${kind} ${names.map((name) => micros(over(line, (sample) => used(sample, [name])).median)).join(' + ')}`;
  });
  return texts.join(' · ');
}

/** @param {number} value */
function micros(value) {
  return shown(value, value < 100 ? 2 : 0);
}
