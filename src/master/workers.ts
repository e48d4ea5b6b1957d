/** What workers report, and what becomes of their parts when they go. */
import { ENTRY } from '../protocol/stream_records.ts';
import { codeOf, type OutcomesRecord } from '../protocol/part_records.ts';
import { release } from './allocating.ts';
import { abortAt, addGhost } from './closing.ts';
import type { Session, ShapeBook, Stream, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { reserve, useGrant } from './credit.ts';
import { MOVE, PART } from './parts.ts';
import { coolDown, leave, requeue, requeuePushed } from './placing.ts';
import { fail } from './queueing.ts';
import { tryAgain } from './retrying.ts';
import { addPlaced, LADEN_MS, removePushed, shapeLoad } from './rooms.ts';
import { endPart, takeResult } from './settling.ts';
import { absolve, absolveAll, deathsBy, doubt, doubtGhosts, mayDoubt, resolve } from './suspicion.ts';

/** The shape of a report whose time is that of parts of several shapes, or of some that are over. */
const SEVERAL = -1;

/** Results, ends and errors, in the order in which they happened. Late ones are welcome while the part is open. */
export function onOutcomes(core: Core, worker: WorkerBook, record: OutcomesRecord): void {
  let ended = 0;
  let shape: number | undefined;
  for (let i = 0; i < record.keys.length; i += 1) {
    const row = core.parts.find(record.keys[i] as number);
    const of = row < 0 ? SEVERAL : (core.parts.shape[row] as number);
    shape = shape === undefined || shape === of ? of : SEVERAL;
    const flags = record.flags[i] as number;
    if ((flags & ENTRY.partEnd) !== 0) ended += 1;
    onOutcome(core, worker, record, i, row);
  }
  worker.reportedAtMs = core.now;
  worker.late = false;
  core.dirty(worker);
  if (ended === 0) return;
  worker.ended += ended;
  worker.service.took(record.busyMicros, ended);
  if (shape === undefined || shape === SEVERAL || core.shapes[shape]?.resources !== undefined) return;
  const load = shapeLoad(worker, shape);
  load.took(record.busyMicros, ended);
  if (load.exceeds(worker.slots + worker.lent, LADEN_MS)) core.laden.add(worker);
}

/** The entry of a record at `at`. @param row of its part; -1: it is over */
function onOutcome(core: Core, worker: WorkerBook, record: OutcomesRecord, at: number, row: number): void {
  const { parts } = core;
  const key = record.keys[at] as number;
  const index = record.indexes[at] as number;
  const flags = record.flags[at] as number;
  const slot = record.slots[at] as number;
  const bytes = record.lengths[at] as number;
  const ends = (flags & ENTRY.partEnd) !== 0;
  if (ends && worker.allocated.size > 0 && codeOf(flags) !== 'timed-out') release(core, worker, key, record.attempts[at] as number);
  if (row < 0) {
    if (ends) worker.ghosts.delete(key);
    absolve(core, worker, key);
    core.release(slot);
    return;
  }
  const stream = core.streams.get(parts.stream[row] as number) as Stream;
  // The worker may have it as a newer attempt, too, and must be told if this one ends the part.
  const by = parts.isOutdated(row, worker.session, record.attempts[at] as number) ? undefined : worker;
  if (ends && (by === undefined || parts.worker[row] !== worker.session)) worker.ghosts.delete(key);
  if (ends) absolve(core, worker, key);
  if ((flags & ENTRY.error) !== 0) return onError(core, worker, stream, row, record, at);
  const expected = parts.index[row] as number;
  const count = (flags & ENTRY.result) !== 0 ? index + 1 : index;
  const fresh = (flags & ENTRY.result) !== 0 && index === expected;
  if (ends && count !== (fresh ? expected + 1 : expected)) {
    core.release(slot);
    const { function: name } = core.shapes[parts.shape[row] as number] as ShapeBook;
    const message = `${name} gave ${expected} results in one attempt and ended after ${count} in another: it must repeat its sequence for the same job`;
    const about = { function: name, attempts: parts.attempt[row] as number };
    fail(core, stream, row, core.error({ code: 'not-replayable', message, ...about }), 0, by);
    return;
  }
  // What a worker repeats of an earlier attempt uses its grant up just the same; what an old attempt sends late was granted before.
  if ((flags & ENTRY.result) !== 0 && parts.state[row] === PART.placed && parts.worker[row] === by?.session) {
    useGrant(core, stream, row, bytes);
    core.changed.add(stream);
  }
  if (fresh) {
    takeResult(core, stream, row, slot, bytes, ends, by);
    return;
  }
  core.release(slot);
  if (ends) endPart(core, stream, row, -1, 0, by);
}

/** A part failed. After a time-out, or if this is not its end, its function may still run: it holds its slot until the worker gives the key back. */
function onError(core: Core, worker: WorkerBook, stream: Stream, row: number, record: OutcomesRecord, at: number): void {
  const code = codeOf(record.flags[at] as number);
  const slot = record.slots[at] as number;
  coolDown(worker);
  const isOld = core.parts.isOutdated(row, worker.session, record.attempts[at] as number);
  if (code === 'worker-lost' && struck(core, worker, row, isOld)) return core.release(slot);
  // Where a part may be tried again, its newest attempt decides: it is queued, or runs elsewhere, or is on its way here once more.
  // One by PUSH of which a good end was to be told, which needs no word before, and was lost, is nobody's yet: it is taken from there.
  const isPushed = core.parts.state[row] === PART.pushed && core.parts.attempt[row] === record.attempts[at];
  const isElsewhere = isOld || (core.parts.worker[row] !== worker.session && !isPushed);
  const goesOn = isElsewhere ? core.parts.retry(row) !== undefined : tryAgain(core, row, code);
  if (goesOn) {
    const job = core.parts.job[row] as number;
    if (!isElsewhere) core.out.push({ type: 'news', name: 'jobRetried', what: { stream: stream.id, job, error: slot } });
    core.release(slot);
  } else fail(core, stream, row, slot, record.lengths[at] as number, isOld ? undefined : worker);
  const runs = code === 'timed-out' || ((record.flags[at] as number) & ENTRY.partEnd) === 0;
  if (runs) addGhost(worker, record.keys[at] as number);
}

/**
 * The process of its own in which a worker ran a part has died. That is a strike, as if the worker had: the part runs elsewhere, until it
 * has too many: then it fails with what its worker said. Returns whether it goes on.
 */
function struck(core: Core, worker: WorkerBook, row: number, isOld: boolean): boolean {
  const { parts } = core;
  if (isOld || parts.state[row] !== PART.placed || parts.worker[row] !== worker.session) return true;
  const strikes = (parts.strikes[row] as number) + 1;
  parts.strikes[row] = strikes;
  if (strikes >= core.config.crashLimit) return false;
  requeue(core, row);
  return true;
}

/** Parts that came to a worker by PUSH are its own from now on. */
export function onAccepted(core: Core, worker: WorkerBook, keys: readonly number[], attempts: readonly number[]): void {
  const { parts } = core;
  for (const [i, key] of keys.entries()) {
    const row = parts.find(key);
    const state = row < 0 ? PART.ended : parts.state[row];
    if (state === PART.placed && parts.worker[row] === worker.session) continue;
    if (state !== PART.pushed && state !== PART.queued) {
      abortAt(core, worker, key);
      if (row < 0) continue;
      resolve(core, row);
      doubt(core, worker, row);
      continue;
    }
    if (state === PART.queued) {
      resolve(core, row);
      (core.shapes[parts.shape[row] as number] as ShapeBook).waiting -= 1;
      reserve(core, core.streams.get(parts.stream[row] as number) as Stream, row);
    }
    if (state === PART.pushed) removePushed(core, row);
    parts.move(row, MOVE.place);
    absolve(core, worker, key);
    parts.worker[row] = worker.session;
    parts.given[row] = attempts[i] as number;
    addPlaced(core, worker, row);
  }
  core.dirty(worker);
}

/** Parts that a worker gives back: it had not begun them. */
export function onReturned(core: Core, worker: WorkerBook, keys: readonly number[], attempts: readonly number[]): void {
  const { parts } = core;
  for (let i = keys.length - 1; i >= 0; i -= 1) {
    const key = keys[i] as number;
    worker.ghosts.delete(key);
    absolve(core, worker, key);
    release(core, worker, key, attempts[i] as number);
    const row = parts.find(key);
    // It may be an answer to an abort, while the part is on its way there once more.
    const isHere = row >= 0 && parts.state[row] === PART.placed && parts.worker[row] === worker.session;
    if (isHere && !parts.isOutdated(row, worker.session, attempts[i] as number)) requeue(core, row);
  }
  coolDown(worker);
  // It may have nothing to give back: it has begun what it was asked for, and that is an answer. It may be asked again.
  worker.revoked = undefined;
  worker.reportedAtMs = core.now;
  core.dirty(worker);
}

/** Parts that wait for credit for their next result. */
export function onHungry(core: Core, worker: WorkerBook, keys: readonly number[], bytes: readonly number[]): void {
  keys.forEach((key, i) => {
    const row = core.parts.find(key);
    if (row < 0 || core.parts.worker[row] !== worker.session) return;
    const stream = core.streams.get(core.parts.stream[row] as number) as Stream;
    stream.hungry.set(key, bytes[i] as number);
    core.changed.add(stream);
    if (worker.alone !== key) return;
    // It waits for its consumer, perhaps for an older part to be read first: that must not cost everybody else the worker.
    worker.alone = 0;
    core.dirty(worker);
  });
}

/** The rows of a worker's parts, oldest first. */
function rowsOf(core: Core, worker: WorkerBook): number[] {
  const rows: number[] = [];
  for (let row = worker.placed.head; row >= 0; row = core.parts.ofWorker.next[row] as number) rows.push(row);
  return rows;
}

/**
 * Parts that the worker may have begun: as many as it has slots, the oldest; all that have resources of their own; and what came to run
 * alone. That is no older than what waited there, which may go on at any time, but nobody would learn more of it elsewhere.
 */
function begunBy(core: Core, worker: WorkerBook): Set<number> {
  const rows = new Set<number>();
  let slots = mayDoubt(core) ? worker.slots + worker.lent : Infinity;
  for (const row of rowsOf(core, worker)) {
    const isOwn = (core.parts.allocation[row] as number) >= 0;
    if (isOwn || slots > 0 || core.parts.solo[row] === 1) rows.add(row);
    if (!isOwn) slots -= 1;
  }
  return rows;
}

/** The worker's connection is gone: what it cannot have begun moves at once, the rest after its grace. */
export function suspectWorker(core: Core, worker: WorkerBook): void {
  leave(core, worker);
  doubtGhosts(core, worker);
  const begun = begunBy(core, worker);
  for (const row of rowsOf(core, worker).toReversed()) if (!begun.has(row)) takeAway(core, worker, row);
  core.policy.room(worker.session, 0, 0);
  core.dirty(worker);
}

/** Moves a part elsewhere while its worker may still have it. */
export function takeAway(core: Core, worker: WorkerBook, row: number): void {
  abortAt(core, worker, core.parts.key[row] as number);
  doubt(core, worker, row);
  requeue(core, row);
}

/** The worker is gone for good: its parts run elsewhere. Unless it was planned, those that may have run when it died have a strike. */
export function dropWorker(core: Core, session: Session, reason: 'left' | 'lost'): void {
  const { worker } = session;
  if (worker === undefined) return;
  const rows = rowsOf(core, worker);
  const suspects = reason === 'lost' ? begunBy(core, worker) : new Set();
  // What was there already when a part came to run alone has waited; unless it went on.
  const first = worker.alone > 0 ? rows.findIndex((row) => core.parts.key[row] === worker.alone) : 0;
  leave(core, worker);
  core.held.delete(worker);
  core.workers.delete(session.number);
  core.slots -= worker.slots;
  if (reason === 'lost') core.lostWorkers += 1;
  core.policy.leave(session.number);
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    const row = rows[i] as number;
    // The failure of another part may have ended its job.
    if (core.parts.state[row] !== PART.placed) continue;
    if (i >= first && suspects.has(row)) core.parts.strikes[row] = (core.parts.strikes[row] as number) + 1;
    // So has what stood behind the oldest, unless ends died with it, or what the worker said of PUSH is read only now.
    else if (reason === 'lost') doubt(core, worker, row);
    if (deathsBy(core, row) > 0) crashed(core, worker, session.name, row);
    else requeue(core, row);
  }
  if (reason === 'left') absolveAll(core, worker);
  for (const key of worker.doubted ?? []) {
    const row = core.parts.find(key);
    if (row >= 0 && deathsBy(core, row) > 0) crashed(core, undefined, session.name, row);
  }
  requeuePushed(core);
  core.out.push({ type: 'news', name: 'workerLost', what: { name: session.name, reason } });
}

/** A part has brought down as many workers as it may; the last was this one. */
function crashed(core: Core, worker: WorkerBook | undefined, name: string, row: number): void {
  const stream = core.streams.get(core.parts.stream[row] as number) as Stream;
  const { function: called } = core.shapes[core.parts.shape[row] as number] as ShapeBook;
  const message = `${deathsBy(core, row)} workers were lost while they ran ${called}, the last was ${name}`;
  const about = { function: called, worker: name, attempts: core.parts.attempt[row] as number };
  fail(core, stream, row, core.error({ code: 'worker-lost', message, ...about }), 0, worker);
}
