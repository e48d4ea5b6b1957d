// @ts-check
/**
 * Tables for people: what was measured, against what was asked for.
 *
 * @import { Bar, Judged, Outcome, Table } from './types.ts'
 */

/** @param {number} value @param {Bar} bar */
function meets(value, { atLeast = -Infinity, atMost = Infinity }) {
  return value >= atLeast && value <= atMost;
}

/** @param {Judged} judged */
function verdict({ value, must, aim }) {
  if (!meets(value, must)) return '**short**';
  return aim !== undefined && meets(value, aim) ? 'aim reached' : 'ok';
}

/** @param {readonly string[]} head @param {readonly (readonly string[])[]} rows @returns {string[]} */
function markdown(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/**
 * Which rows fall short of what must be, and which workloads have none.
 * @param {readonly Judged[]} judged
 * @param {readonly string[]} [unmeasured]
 * @returns {string}
 */
export function shortfall(judged, unmeasured = []) {
  if (unmeasured.length > 0) return `NOT MEASURED: ${unmeasured.join('; ')}. ${judged.length === 0 ? '' : shortfall(judged)}`.trimEnd();
  const short = judged.filter(({ value, must }) => !meets(value, must));
  if (short.length === 0) return `All ${judged.length} rows are as they must be.`;
  return `${short.length} of ${judged.length} rows fall short: ${short.map(({ row }) => row).join('; ')}.`;
}

/** @param {Table} table @returns {string[]} */
function section({ title, note, head, rows }) {
  return ['', `## ${title}`, '', ...(note === undefined ? [] : [note, '']), ...markdown(head, rows)];
}

/**
 * @param {readonly string[]} about lines on machine and versions
 * @param {readonly Outcome[]} outcomes
 * @param {{ runs: number, minutes: number, date: Date, unmeasured?: readonly string[] }} run `unmeasured`: what failed, and why
 * @returns {string}
 */
export function report(about, outcomes, { runs, minutes, date, unmeasured = [] }) {
  const judged = outcomes.flatMap((outcome) => outcome.judged);
  const rows = judged.map((one) => [one.row, one.shown, one.must.text, one.aim?.text ?? '', verdict(one)]);
  return [
    '# Results of the benchmark',
    '',
    'Written by `npm run bench`; do not edit. Every role is a process of its own. Numbers are medians of the runs (min–max); what is',
    'compared warms up in turns and runs in turns, and a ratio is taken run by run, unless a note says otherwise. Compare within one run of the benchmark only.',
    '',
    `- Date: ${date.toISOString().slice(0, 10)}; ${runs} runs; ${minutes.toFixed(1)} minutes`,
    ...about,
    '',
    ...markdown(['workload', 'measured', 'must', 'aim', 'verdict'], rows),
    '',
    shortfall(judged, unmeasured),
    ...outcomes.flatMap(({ tables }) => tables).flatMap(section),
    '',
  ].join('\n');
}
