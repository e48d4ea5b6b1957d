/** How much room a worker has: for parts that begin at once, and for some that wait behind them. */
import { ShapeLoad } from '../scheduling/service_time.ts';
import type { ShapeBook, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { mayDoubt } from './suspicion.ts';

/** So few parts ahead are filled up one by one: each is worth a message. */
const FEW_AHEAD = 8;
/** Parts ahead of which nobody knows how long they take. */
const UNKNOWN_AHEAD = 4;
/** So much work of one shape may stand behind what runs, while others wait who would otherwise have their turn. */
export const LADEN_MS = 100;

/** What a worker has of a shape without resources: those with some begin at once. */
export function shapeLoad(worker: WorkerBook, shape: number): ShapeLoad {
  if (worker.load.shape === shape) return worker.load;
  let load = worker.loads.get(shape);
  if (load === undefined) worker.loads.set(shape, (load = new ShapeLoad(shape)));
  worker.load = load;
  return load;
}

/** With what it was given, if anything. */
export function addPlaced({ parts }: Core, worker: WorkerBook, row: number): void {
  parts.ofWorker.add(worker.placed, row);
  if ((parts.allocation[row] as number) < 0) shapeLoad(worker, parts.shape[row] as number).placed += 1;
}

export function removePlaced({ parts }: Core, worker: WorkerBook, row: number): void {
  parts.ofWorker.remove(worker.placed, row);
  if ((parts.allocation[row] as number) < 0) shapeLoad(worker, parts.shape[row] as number).placed -= 1;
}

/** It is on its way to some worker. */
export function addPushed(core: Core, row: number): void {
  core.pushed.add(core.parts.key[row] as number);
  (core.shapes[core.parts.shape[row] as number] as ShapeBook).pushed += 1;
}

export function removePushed(core: Core, row: number): void {
  core.pushed.delete(core.parts.key[row] as number);
  (core.shapes[core.parts.shape[row] as number] as ShapeBook).pushed -= 1;
}

/** How many parts a worker should have beyond those that run. */
function ahead(core: Core, worker: WorkerBook): number {
  return mayDoubt(core) && !worker.late ? worker.service.ahead : 0;
}

/** How many of these: a few before one of them has ended there, however quick others are. */
export function aheadOf(core: Core, worker: WorkerBook, shape: ShapeBook): number {
  const load = shapeLoad(worker, shape.id);
  return Math.min(ahead(core, worker), load.meanMicros < 0 ? UNKNOWN_AHEAD : load.ahead);
}

/** Parts that hold a slot there, or will. */
export function loadOf(worker: WorkerBook): number {
  return worker.placed.size - worker.placedOwn + worker.ghosts.size;
}

/** How many more parts a worker may get now: where it has many ahead none before half of them are used, so that parts go in large batches. */
export function roomOf(core: Core, worker: WorkerBook): number {
  const session = core.sessions.get(worker.session);
  if (session === undefined || session.state !== 'joined' || worker.leaving || worker.silentSinceMs > session.heardAtMs) return 0;
  const begun = worker.slots + worker.lent;
  const load = loadOf(worker);
  // What it called itself must run, perhaps here: else both wait for ever.
  if (worker.alone !== 0)
    return session.streams.size === 0 ? 0 : Math.max(0, worker.lent - (worker.alone > 0 ? load - 1 : load - worker.slots));
  return roomBeyond(begun, ahead(core, worker), load);
}

function roomBeyond(begun: number, more: number, load: number): number {
  return load - begun > (more > FEW_AHEAD ? more / 2 : more) ? 0 : begun + more - load;
}

/** How many more of these: where it has room, but slow ones do not stand behind each other because others are quick. */
export function roomFor(core: Core, worker: WorkerBook, shape: ShapeBook): number {
  return Math.max(0, Math.min(roomOf(core, worker), ownRoom(core, worker, shape)));
}

/** How many more, as far as these alone go: with slow ones of other shapes, if they are slow. */
function ownRoom(core: Core, worker: WorkerBook, shape: ShapeBook): number {
  const load = shapeLoad(worker, shape.id);
  let { placed } = load;
  if (load.isSlow) for (const other of worker.loads.values()) if (other !== load && other.isSlow) placed += other.placed;
  return worker.slots + worker.lent + aheadOf(core, worker, shape) - placed;
}

/** Whether what it has of a shape, beyond what runs, is more work than LADEN_MS for each slot. */
export function isLaden(worker: WorkerBook): boolean {
  for (const load of worker.loads.values()) if (load.exceeds(worker.slots + worker.lent, LADEN_MS)) return true;
  return false;
}

/** How many more of these may go out by PUSH: as `roomFor`, of all workers together, since nobody knows to whom they go. */
export function roomForPush(core: Core, shape: ShapeBook): number {
  let load = core.pushed.size;
  let begun = 0;
  let more = 0;
  let own = -shape.pushed - otherSlowPushed(core, shape);
  for (const worker of core.workers.values()) {
    if (worker.alone !== 0 || !isOpen(core, worker)) {
      const room = roomFor(core, worker, shape);
      begun += room;
      own += room;
      continue;
    }
    load += loadOf(worker);
    begun += worker.slots + worker.lent;
    more += ahead(core, worker);
    own += ownRoom(core, worker, shape);
  }
  return Math.max(0, Math.min(roomBeyond(begun, more, load), own));
}

/** Parts that are on their way over PUSH, of other shapes that are slow, if this one is. */
function otherSlowPushed(core: Core, shape: ShapeBook): number {
  let count = 0;
  if (core.pushed.size === shape.pushed) return count;
  const slow = new Set<number>();
  for (const worker of core.workers.values())
    if (shapeLoad(worker, shape.id).isSlow) for (const load of worker.loads.values()) if (load.isSlow) slow.add(load.shape);
  slow.delete(shape.id);
  for (const id of slow) count += (core.shapes[id] as ShapeBook).pushed;
  return count;
}

/** Whether parts may go there at all: those with resources at once, others as there is room. */
export function isOpen(core: Core, worker: WorkerBook): boolean {
  const session = core.sessions.get(worker.session);
  if (session?.state !== 'joined' || worker.leaving || worker.silentSinceMs > session.heardAtMs) return false;
  // What a part that runs alone has called must run, perhaps here.
  return worker.alone === 0 || session.streams.size > 0;
}

/** Slots that would run a part at once. */
export function idleSlots(worker: WorkerBook): number {
  return worker.slots + worker.lent - loadOf(worker);
}

/** Parts that it has not begun. */
export function unbegun(worker: WorkerBook): number {
  return worker.placed.size - worker.placedOwn - worker.slots - worker.lent;
}
