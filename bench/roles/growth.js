// @ts-check
/**
 * The pure master alone, in a process of its own. It is no part of the package's public face: hence the path.
 *
 * @typedef {typeof import('../../src/master/state.ts')} StateModule
 * @typedef {{ workers: number, queued: number }} Size
 */
import { leastLoaded } from 'gristmill';
import { Crowd } from './crowd.js';
import { config, serve } from './role.js';

const path = new URL('../../dist/master/state.js', import.meta.url).href;
const { MasterState } = /** @type {StateModule} */ (await import(path));
// Until code is compiled it costs several times as much: that is no matter of size.
new Crowd(MasterState, leastLoaded(), { workers: 10, queued: 1_000 }).work(1);
const crowd = new Crowd(MasterState, leastLoaded(), /** @type {Size} */ (config));
const { queued, placed } = crowd.status;

function work(/** @type {{ jobs: number }} */ { jobs }) {
  const before = { ...crowd.done };
  crowd.work(jobs);
  const { done } = crowd;
  const ended = done.jobs - before.jobs;
  return {
    jobs: ended,
    cpuMicros: done.micros - before.micros,
    partsPerRecord: (done.parts - before.parts) / (done.partRecords - before.partRecords),
    resultsPerRecord: (done.results - before.results) / (done.resultRecords - before.resultRecords),
  };
}

serve({ queued: String(queued), placed: String(placed), first: String(crowd.firstMicros) }, { work });
