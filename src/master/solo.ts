/**
 * A part whose worker died may have been the cause (suspicion.ts). It runs alone on its next worker, so that a second death is its own and
 * brings nobody else's work down.
 */
import type { Allocation } from '../scheduling/policy.ts';
import type { ShapeBook, Stream, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { mayPlace, reserve } from './credit.ts';
import { MOVE, PART } from './parts.ts';

export function placeSolo(
  core: Core,
  shape: ShapeBook,
  assign: (core: Core, worker: WorkerBook, rows: readonly number[], allocation?: Allocation) => void,
): void {
  const count = shape.solo.size;
  for (let i = 0; i < count; i += 1) {
    const key = shape.solo.shift() as number;
    const row = core.parts.find(key);
    if (row < 0 || core.parts.state[row] !== PART.queued) continue;
    const stream = core.streams.get(core.parts.stream[row] as number) as Stream;
    const worker = mayPlace(core, stream, row) ? pick(core, shape) : undefined;
    if (worker === undefined || !(isQuiet(worker) || waitsFor(core, worker, stream, row))) {
      shape.solo.push(key);
      if (worker !== undefined) hold(core, worker);
      continue;
    }
    const allocation = shape.resources === undefined ? undefined : core.policy.allocator?.allocate(shape, core.now, worker.session);
    if (shape.resources !== undefined && allocation === undefined) {
      shape.solo.push(key);
      continue;
    }
    shape.waiting -= 1;
    reserve(core, stream, row);
    core.parts.attempt[row] = (core.parts.attempt[row] as number) + 1;
    core.parts.move(row, MOVE.place);
    worker.alone = key;
    core.held.delete(worker);
    assign(core, worker, [row], allocation);
    core.dirty(worker);
  }
}

/** Nothing runs there: what it has waits for something, perhaps for this very part. */
function isQuiet(worker: WorkerBook): boolean {
  return worker.allocated.size === 0 && worker.placed.size + worker.ghosts.size <= worker.lent;
}

/** All that the worker has waits for credit, which it will not get before this oldest part of an ordered stream has ended. */
function waitsFor(core: Core, worker: WorkerBook, stream: Stream, row: number): boolean {
  if (!stream.ordered || row !== stream.parts.head || worker.ghosts.size > 0 || worker.placedOwn > 0) return false;
  for (let other = worker.placed.head; other >= 0; other = core.parts.ofWorker.next[other] as number) {
    if (!core.streams.get(core.parts.stream[other] as number)?.hungry.has(core.parts.key[other] as number)) return false;
  }
  return true;
}

/** An empty worker; else one on which nothing runs (what waits there may go on); else the one kept for such a part; else the one that will be idle soonest. */
function pick(core: Core, shape: ShapeBook): WorkerBook | undefined {
  const { allocator } = core.policy;
  let quiet: WorkerBook | undefined;
  let kept: WorkerBook | undefined;
  let best: WorkerBook | undefined;
  for (const worker of core.workers.values()) {
    if (worker.leaving || worker.alone > 0 || !worker.functions.includes(shape.function)) continue;
    if (core.sessions.get(worker.session)?.state !== 'joined') continue;
    if (shape.resources !== undefined && allocator?.fits(shape, core.now, worker.session) !== true) continue;
    if (isQuiet(worker)) {
      if (worker.placed.size === 0) return worker;
      quiet ??= worker;
    }
    if (worker.alone === -1) kept ??= worker;
    if (best === undefined || worker.placed.size < best.placed.size) best = worker;
  }
  return quiet ?? kept ?? best;
}

/** Nothing more is placed on it until the part has had its turn. */
function hold(core: Core, worker: WorkerBook): void {
  worker.alone = -1;
  core.held.add(worker);
  core.dirty(worker);
}

/** No such part waits any more. */
export function letGo(core: Core): void {
  for (const worker of core.held) {
    if (worker.alone === -1) worker.alone = 0;
    core.dirty(worker);
  }
  core.held.clear();
}
