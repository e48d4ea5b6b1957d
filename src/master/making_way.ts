/**
 * The oldest part of an ordered stream, or what it calls, waits for resources, and younger parts of its stream have them, while they wait
 * for credit that comes only when the oldest has ended. So the youngest of these is taken back, and runs again later.
 */
import type { ShapeBook, Stream, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { PART } from './parts.ts';
import { takeAway } from './workers.ts';

export function makeWay(core: Core): void {
  if (core.policy.allocator === undefined) return;
  for (const stream of core.streams.values()) {
    const row = stream.parts.head;
    if (row < 0 || core.parts.state[row] !== PART.queued || core.delayed.has(core.parts.key[row] as number)) continue;
    const shape = core.shapes[core.parts.shape[row] as number] as ShapeBook;
    for (const held of heldUp(core, stream, row, shape))
      for (const worker of core.workers.values()) if (couldRun(core, worker, shape) && takeYoungest(core, worker, held)) break;
  }
}

/** Ordered streams of which parts wait for credit until this one has run: it is their oldest, or was called by their oldest. */
function heldUp({ parts, streams }: Core, stream: Stream, row: number, shape: ShapeBook): Stream[] {
  const held: Stream[] = [];
  const isOldest = (of: Stream, at: number): boolean => of.ordered && of.hungry.size > 0 && of.parts.head === at;
  if (isOldest(stream, row)) held.push(stream);
  // A call that asks for nothing finds a slot: what waits for credit has lent its own.
  if (shape.resources === undefined && parts.solo[row] === 0) return held;
  for (let at = parts.find(stream.parent); at >= 0;) {
    const caller = streams.get(parts.stream[at] as number) as Stream;
    if (isOldest(caller, at)) held.push(caller);
    at = parts.find(caller.parent);
  }
  return held;
}

function couldRun(core: Core, worker: WorkerBook, shape: ShapeBook): boolean {
  if (worker.leaving || !worker.functions.includes(shape.function) || core.sessions.get(worker.session)?.state !== 'joined') return false;
  return shape.resources === undefined || core.policy.allocator?.fits(shape, core.now, worker.session) === true;
}

/** Takes the youngest part of the stream back, if all that has resources there waits for credit. Returns whether it did. */
function takeYoungest(core: Core, worker: WorkerBook, stream: Stream): boolean {
  const { parts } = core;
  // Something is on its way back, or runs although nobody wants it.
  if (worker.allocated.size > worker.placedOwn) return false;
  let youngest = -1;
  for (let row = worker.placed.head; row >= 0; row = parts.ofWorker.next[row] as number) {
    if ((parts.allocation[row] as number) < 0) continue;
    const of = parts.stream[row] as number;
    if (core.streams.get(of)?.hungry.has(parts.key[row] as number) !== true) return false;
    if (of === stream.number && (youngest < 0 || (parts.job[row] as number) > (parts.job[youngest] as number))) youngest = row;
  }
  if (youngest < 0) return false;
  takeAway(core, worker, youngest);
  return true;
}
