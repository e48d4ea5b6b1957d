// @ts-check
/**
 * CPU profiles of master, client and one worker under W1.
 *
 * @import { Settings } from './types.ts'
 *
 * @typedef {{ id: number, callFrame: { functionName: string, url: string, lineNumber: number } }} ProfileNode
 * @typedef {{ nodes: ProfileNode[], samples: number[], timeDeltas: number[] }} Profile
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { say } from './rounds.js';
import { perSecond, shown } from './stats.js';
import { gristmill } from './systems.js';

const ROLES = ['master', 'client', 'worker1'];
const WARM_JOBS = 200_000;
const SECONDS = 3;
const TOP = 15;

/** Time by function, itself only, the most first. @param {Profile} profile @returns {{ total: number, functions: { name: string, micros: number }[] }} */
function selfTimes({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  /** @type {Map<string, number>} */
  const times = new Map();
  let total = 0;
  samples.forEach((id, i) => {
    const name = names.get(id) ?? '?';
    // A delta is the time since the sample before it: what that one had found went on until now.
    const micros = timeDeltas[i + 1] ?? 0;
    total += micros;
    times.set(name, (times.get(name) ?? 0) + micros);
  });
  const functions = [...times].map(([name, micros]) => ({ name, micros })).sort((a, b) => b.micros - a.micros);
  return { total, functions };
}

/** @param {ProfileNode['callFrame']} frame */
function nameOf({ functionName, url, lineNumber }) {
  const where = url.replace(/^.*\/(dist|bench|node_modules)\//, '$1/');
  return `${functionName || '(anonymous)'}${url === '' ? '' : ` ${where}:${lineNumber + 1}`}`;
}

/** @param {string} role @param {string} file */
function print(role, file) {
  const { total, functions } = selfTimes(/** @type {Profile} */ (JSON.parse(readFileSync(file, 'utf8'))));
  console.log(`\n${role} (${file})`);
  for (const { name, micros } of functions.slice(0, TOP)) {
    console.log(`${shown((micros / total) * 100, 1).padStart(6)} %  ${shown(micros / 1_000, 1).padStart(9)} ms  ${name}`);
  }
}

/** @param {Settings} settings */
export async function profile({ quick }) {
  const folder = fileURLToPath(new URL('profiles/', import.meta.url));
  mkdirSync(folder, { recursive: true });
  const system = await gristmill();
  try {
    say('profile: W1 warms up');
    const warm = await system.run('throughput', { jobs: WARM_JOBS, bytes: 9, inFlight: 0 });
    say('profile: W1 runs');
    await Promise.all(ROLES.map((role) => system.role(role).ask('startProfile')));
    const jobs = Math.round(perSecond(warm) * (quick ? 1 : SECONDS));
    const sample = await system.run('throughput', { jobs, bytes: 9, inFlight: 0 });
    const files = ROLES.map((role) => `${folder}${role.replace(/\d$/, '')}.cpuprofile`);
    await Promise.all(ROLES.map((role, i) => system.role(role).ask('stopProfile', { file: files[i] })));
    console.log(`W1 while profiled: ${shown(perSecond(sample))} jobs/s. Self time of functions:`);
    ROLES.forEach((role, i) => print(role, /** @type {string} */ (files[i])));
  } finally {
    await system.stop();
  }
}
