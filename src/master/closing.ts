/** How parts, jobs and streams leave the books, whatever the reason. */
import { moved } from '../protocol/session.ts';
import { type Job, type Stream, type WorkerBook, STREAM_MOVES } from './books.ts';
import type { Core } from './core.ts';
import { removePlaced, removePushed } from './rooms.ts';
import { returnGrant } from './credit.ts';
import { forgetStream, jobEnded } from './delivering.ts';
import { PART } from './parts.ts';

/** The worker has the part no more, as far as the books go. */
export function unplace(core: Core, row: number, by?: WorkerBook): WorkerBook | undefined {
  const { parts } = core;
  const session = parts.worker[row] as number;
  const worker = by?.session === session && core.workers.has(session) ? by : core.workers.get(session);
  parts.worker[row] = 0;
  if (worker === undefined) return undefined;
  removePlaced(core, worker, row);
  if ((parts.allocation[row] as number) >= 0) {
    parts.allocation[row] = -1;
    worker.placedOwn -= 1;
  }
  if (worker.alone === parts.key[row]) worker.alone = 0;
  worker.revoked?.delete(parts.key[row] as number);
  core.dirty(worker);
  return worker;
}

/** Tells a worker that nobody waits for a part any more. It may hold a slot, or its resources, until it says that it has ended. */
export function abortAt(core: Core, worker: WorkerBook, key: number): void {
  const session = core.sessions.get(worker.session);
  if (session === undefined) return;
  addGhost(worker, key);
  session.drafts.add({ kind: 'abort', keys: [key] });
  core.touched.add(session);
  core.dirty(worker);
}

/** A function that nobody waits for may hold a slot of this worker; or what it was given, which is freed when it has ended. */
export function addGhost(worker: WorkerBook, key: number): void {
  if (!worker.allocated.has(key)) worker.ghosts.add(key);
}

/** Ends a part. If a worker other than `by` has it, that worker is told. */
export function closePart(core: Core, stream: Stream, row: number, by: WorkerBook | undefined): void {
  const { parts } = core;
  const key = parts.key[row] as number;
  if (parts.state[row] === PART.placed) {
    const holder = unplace(core, row, by);
    if (holder !== undefined && holder !== by) abortAt(core, holder, key);
  } else if (parts.state[row] === PART.pushed) {
    removePushed(core, row);
  } else {
    if (core.delayed.size > 0) forgetDelay(core, key);
    const shape = core.shapes[parts.shape[row] as number];
    if (shape !== undefined) shape.waiting -= 1;
  }
  if (by !== undefined && by.ghosts.size > 0) by.ghosts.delete(key);
  returnGrant(core, stream, row);
  if (stream.hungry.size > 0) stream.hungry.delete(key);
  parts.ofStream.remove(stream.parts, row);
  core.release(parts.slot[row] as number);
  if (stream.books.size > 0) stream.books.get(parts.job[row] as number)?.open.delete(row);
  parts.end(row);
  core.changed.add(stream);
}

function forgetDelay(core: Core, key: number): void {
  const delay = core.delayed.get(key);
  if (delay === undefined) return;
  core.delays.remove(delay);
  core.delayed.delete(key);
}

/** Closes all that a job with a book still has. */
export function closeJob(core: Core, stream: Stream, job: Job): void {
  for (const row of job.open) closePart(core, stream, row, undefined);
  if (job.scatter === 'running' || job.scatter === 'paused') core.out.push({ type: 'stopScatter', stream: stream.number, job: job.index });
  job.scatter = 'ended';
  if (stream.scattering === job) stream.scattering = undefined;
  core.release(job.slot);
  job.slot = -1;
  if (job.held !== undefined) core.release(job.held.slot);
  job.held = undefined;
  for (let i = stream.toGather.length - 1; i >= 0; i -= 1) {
    const raw = stream.toGather[i];
    if (raw?.job !== job) continue;
    core.release(raw.slot);
    stream.toGather.splice(i, 1);
  }
  stream.books.delete(job.index);
}

/** Nobody wants one job any more. */
export function cancelJob(core: Core, stream: Stream, index: number): void {
  const job = stream.books.get(index);
  if (job !== undefined) {
    const at = stream.toScatter.indexOf(job);
    if (at >= 0) stream.toScatter.splice(at, 1);
    dropOutputs(core, job);
    closeJob(core, stream, job);
    jobEnded(core, stream, index, job.bytes);
    return;
  }
  const whole = stream.whole.find((one) => one.index === index);
  if (whole !== undefined) {
    stream.whole.splice(stream.whole.indexOf(whole), 1);
    dropOutputs(core, whole);
    jobEnded(core, stream, index, whole.bytes);
    return;
  }
  for (let row = stream.parts.head; row >= 0; row = core.parts.ofStream.next[row] as number) {
    if (core.parts.job[row] !== index) continue;
    const bytes = core.parts.bytes[row] as number;
    closePart(core, stream, row, undefined);
    jobEnded(core, stream, index, bytes);
    return;
  }
}

function dropOutputs(core: Core, job: Job): void {
  for (const slot of job.outputs.slots) core.release(slot);
  job.outputs.slots.length = 0;
  core.release(job.error);
  job.error = -1;
}

/** Ends a stream before its time: what waits is dropped, what runs is told. */
export function cancelStream(core: Core, stream: Stream): void {
  stream.state = moved(STREAM_MOVES, 'stream', stream.state, 'cancel');
  for (const job of [...stream.books.values(), ...stream.whole]) {
    dropOutputs(core, job);
    closeJob(core, stream, job);
  }
  while (stream.parts.head >= 0) closePart(core, stream, stream.parts.head, undefined);
  for (const queue of stream.queues.values()) {
    const at = queue.listed ? queue.shape.ready.indexOf(queue) : -1;
    if (at >= 0) queue.shape.ready.splice(at, 1);
  }
  forgetStream(core, stream);
}
