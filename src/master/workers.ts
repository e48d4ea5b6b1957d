/** What workers report, and what becomes of their parts when they go. */
import type { WireErrorCode } from '../protocol/remote_error.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import { codeOf, type OutcomesRecord } from '../protocol/part_records.ts';
import { abortAt } from './closing.ts';
import type { Session, ShapeBook, Stream, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { reserve, useGrant } from './credit.ts';
import { leaveLease, requeue, requeuePushed } from './placing.ts';
import { fail } from './queueing.ts';
import { tryAgain } from './retrying.ts';
import { endPart, takeResult } from './settling.ts';

/** Results, ends and errors, in the order in which they happened. Late ones are welcome while the part is open. */
export function onOutcomes(core: Core, worker: WorkerBook, record: OutcomesRecord): void {
  let ended = 0;
  for (let i = 0; i < record.keys.length; i += 1) {
    const flags = record.flags[i] as number;
    if ((flags & ENTRY.partEnd) !== 0) ended += 1;
    onOutcome(
      core,
      worker,
      record.keys[i] as number,
      record.indexes[i] as number,
      flags,
      record.slots[i] as number,
      record.lengths[i] as number,
    );
  }
  worker.reportedAtMs = core.now;
  core.dirty(worker);
  if (ended === 0) return;
  worker.ended += ended;
  const mean = record.busyMicros / ended;
  worker.meanMicros = worker.meanMicros < 0 ? mean : worker.meanMicros + (mean - worker.meanMicros) * Math.min(1, 0.25 + ended / 16);
}

function onOutcome(core: Core, worker: WorkerBook, key: number, index: number, flags: number, slot: number, bytes: number): void {
  const { parts } = core;
  const row = parts.find(key);
  const ends = (flags & ENTRY.partEnd) !== 0;
  if (row < 0) {
    if (ends) worker.ghosts.delete(key);
    core.release(slot);
    return;
  }
  const stream = core.streams.get(parts.stream[row] as number) as Stream;
  if ((flags & ENTRY.error) !== 0) return onError(core, worker, stream, row, codeOf(flags), slot, bytes);
  const expected = parts.index[row] as number;
  const count = (flags & ENTRY.result) !== 0 ? index + 1 : index;
  const fresh = (flags & ENTRY.result) !== 0 && index === expected;
  if (ends && count !== (fresh ? expected + 1 : expected)) {
    core.release(slot);
    const { function: name } = core.shapes[parts.shape[row] as number] as ShapeBook;
    const message = `${name} gave ${expected} results in one attempt and ended after ${count} in another: it must repeat its sequence for the same job`;
    const about = { function: name, attempts: parts.attempt[row] as number };
    fail(core, stream, row, core.error({ code: 'not-replayable', message, ...about }), 0, worker);
    return;
  }
  // What a worker repeats of an earlier attempt uses its grant up just the same; what an old attempt sends late was granted before.
  if ((flags & ENTRY.result) !== 0 && parts.state[row] === 'placed' && parts.worker[row] === worker.session) {
    useGrant(core, stream, row, bytes);
    core.changed.add(stream);
  }
  if (fresh) {
    takeResult(core, stream, row, slot, bytes, ends, worker);
    return;
  }
  core.release(slot);
  if (ends) endPart(core, stream, row, -1, 0, worker);
}

/** A part failed. After a time-out its function may still run: it holds its slot until the worker gives the key back. */
function onError(core: Core, worker: WorkerBook, stream: Stream, row: number, code: WireErrorCode, slot: number, bytes: number): void {
  const key = core.parts.key[row] as number;
  if (tryAgain(core, row, worker, code)) core.release(slot);
  else fail(core, stream, row, slot, bytes, worker);
  if (code === 'timed-out') worker.ghosts.add(key);
}

/** Parts that came to a worker by PUSH are its own from now on. */
export function onAccepted(core: Core, worker: WorkerBook, keys: readonly number[]): void {
  const { parts } = core;
  for (const key of keys) {
    const row = parts.find(key);
    const state = row < 0 ? 'ended' : parts.state[row];
    if (state === 'placed' && parts.worker[row] === worker.session) continue;
    if (state !== 'pushed' && state !== 'queued') {
      abortAt(core, worker, key);
      continue;
    }
    if (state === 'queued') {
      (core.shapes[parts.shape[row] as number] as ShapeBook).waiting -= 1;
      reserve(core, core.streams.get(parts.stream[row] as number) as Stream, row);
    }
    core.pushed.delete(key);
    parts.move(row, 'place');
    parts.worker[row] = worker.session;
    parts.ofWorker.add(worker.placed, row);
  }
  core.dirty(worker);
}

/** Parts that a worker gives back: it had not begun them. */
export function onReturned(core: Core, worker: WorkerBook, keys: readonly number[]): void {
  for (const key of keys.toReversed()) {
    worker.ghosts.delete(key);
    worker.revoked?.delete(key);
    const row = core.parts.find(key);
    if (row >= 0 && core.parts.state[row] === 'placed' && core.parts.worker[row] === worker.session) requeue(core, row);
  }
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
  });
}

/** The rows of a worker's parts, oldest first. */
function rowsOf(core: Core, worker: WorkerBook): number[] {
  const rows: number[] = [];
  for (let row = worker.placed.head; row >= 0; row = core.parts.ofWorker.next[row] as number) rows.push(row);
  return rows;
}

/** The worker's connection is gone: what it cannot have begun moves at once, the rest after its grace. */
export function suspectWorker(core: Core, worker: WorkerBook): void {
  leaveLease(worker);
  const begun = worker.slots + worker.lent;
  for (const row of rowsOf(core, worker).slice(begun).toReversed()) takeAway(core, worker, row);
  core.policy.room(worker.session, 0);
  core.dirty(worker);
}

/** Moves a part elsewhere while its worker may still have it. */
export function takeAway(core: Core, worker: WorkerBook, row: number): void {
  abortAt(core, worker, core.parts.key[row] as number);
  requeue(core, row);
}

/** The worker is gone for good: its parts run elsewhere. Unless it was planned, those that may have run when it died have a strike. */
export function dropWorker(core: Core, session: Session, reason: 'left' | 'lost'): void {
  const { worker } = session;
  if (worker === undefined) return;
  const rows = rowsOf(core, worker);
  const suspects = reason === 'lost' ? worker.slots + worker.lent : 0;
  leaveLease(worker);
  core.held.delete(worker);
  core.workers.delete(session.number);
  core.policy.leave(session.number);
  for (let i = rows.length - 1; i >= 0; i -= 1) {
    const row = rows[i] as number;
    if (i < suspects) core.parts.strikes[row] = (core.parts.strikes[row] as number) + 1;
    if ((core.parts.strikes[row] as number) >= core.config.crashLimit) crashed(core, worker, session.name, row);
    else requeue(core, row);
  }
  requeuePushed(core);
  core.out.push({ type: 'news', name: 'workerLost', what: { name: session.name, reason } });
}

function crashed(core: Core, worker: WorkerBook, name: string, row: number): void {
  const stream = core.streams.get(core.parts.stream[row] as number) as Stream;
  const { function: called } = core.shapes[core.parts.shape[row] as number] as ShapeBook;
  const message = `${core.parts.strikes[row]} workers were lost while they ran ${called}, the last was ${name}`;
  const about = { function: called, worker: name, attempts: core.parts.attempt[row] as number };
  fail(core, stream, row, core.error({ code: 'worker-lost', message, ...about }), 0, worker);
}
