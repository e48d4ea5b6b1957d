// @ts-check
/**
 * How long it takes to begin: the import, and a worker's way from its process's start to its welcome.
 *
 * @import { Outcome, Settings } from '../types.ts'
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { say } from '../rounds.js';
import { shown, shownSpread, spread } from '../stats.js';
import { gristmill } from '../systems.js';

const LIMIT_MS = 10_000;
/** Starts are short: more of them than runs. */
const TIMES = 2;

/** Runs a file of roles/ to its end. @param {string} file @param {string[]} args */
function runToEnd(file, ...args) {
  const path = fileURLToPath(new URL(`../roles/${file}.js`, import.meta.url));
  const since = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8', timeout: LIMIT_MS });
  const ms = performance.now() - since;
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return { ms, stdout, startedAt: performance.timeOrigin + since };
}

/** @param {number} times @returns {Promise<number[]>} milliseconds from process start to welcome */
async function welcomes(times) {
  const system = await gristmill({ workers: 0, clients: 0 });
  try {
    const address = system.role('master').ready['address'] ?? '';
    return Array.from({ length: times }, () => {
      const { stdout, startedAt } = runToEnd('welcome', address);
      return Number(stdout) - startedAt;
    }).slice(1);
  } finally {
    await system.stop();
  }
}

/** @param {Settings} settings @returns {Promise<Outcome>} */
export async function start({ runs }) {
  const times = runs * TIMES;
  say(`start: ${times} times`);
  runToEnd('import');
  const pairs = Array.from({ length: times }, () => ({
    bare: runToEnd('empty').ms,
    imported: runToEnd('import').ms,
    made: runToEnd('import_and_client').ms,
  }));
  const more = spread(pairs.map(({ bare, imported }) => imported - bare));
  const welcomed = spread(await welcomes(times + 1));
  return {
    judged: [
      {
        row: "start: import 'gristmill'",
        shown: `${shownSpread(more)} ms more than bare node`,
        value: more.median,
        must: { atMost: 60, text: '≤ 60 ms more' },
      },
      {
        row: 'start: a worker is welcome',
        shown: `${shownSpread(welcomed)} ms after its process's start`,
        value: welcomed.median,
        must: { atMost: 150, text: '≤ 150 ms' },
      },
    ],
    tables: [
      {
        title: 'start',
        note: `${shown(times)} starts of each, in turns; from the moment before the process is made; NODE_EXTRA_CA_CERTS is unset.`,
        head: ['what', 'ms'],
        rows: [
          ['bare node, to its end', shownSpread(spread(pairs.map(({ bare }) => bare)), 1)],
          ["node with import 'gristmill', to its end", shownSpread(spread(pairs.map(({ imported }) => imported)), 1)],
          ['the same with a client that is closed at once', shownSpread(spread(pairs.map(({ made }) => made)), 1)],
          ['a worker, to its welcome', shownSpread(welcomed, 1)],
        ],
      },
    ],
  };
}
