/**
 * Placing: parts flow to workers through leases that the policy grants, and for a moment to who has run dry, without its being asked. All of
 * it happens at the flush, so what came within a tick is placed together.
 */
import { moved } from '../protocol/session.ts';
import type { Allocation } from '../scheduling/policy.ts';
import { hold, placeAllocated } from './allocating.ts';
import { unplace } from './closing.ts';
import { type Lease, type LeaseMove, type Session, type ShapeBook, type Stream, type WorkerBook, LEASE_MOVES } from './books.ts';
import type { Core } from './core.ts';
import { returnGrant } from './credit.ts';
import { MOVE, PART } from './parts.ts';
import { enqueue, take } from './queueing.ts';
import { letGo, placeSolo } from './solo.ts';
import { addPlaced, addPushed, aheadOf, idleSlots, isOpen, loadOf, removePushed, roomFor, roomForPush, roomOf, unbegun } from './rooms.ts';
import { absolve, doubtSomebody, mayDoubt } from './suspicion.ts';
import { write } from './writing.ts';

/** How long a lease lasts before the policy is asked again. */
const QUANTUM_MS = 10;
/** Parts of one queue that go out in a row. */
const TURN = 1_024;

function tellRoom(core: Core, worker: WorkerBook): void {
  const room = roomOf(core, worker);
  core.policy.room(worker.session, room, idleSlots(worker));
  if (room > 0) core.roomy.add(worker);
  else core.roomy.delete(worker);
  if (unbegun(worker) > 0) core.behind.add(worker);
  else core.behind.delete(worker);
}

/** Nothing is left that could flow. */
function runDry(worker: WorkerBook, lease: Lease): void {
  lease.state = moved(LEASE_MOVES, 'lease', lease.state, 'dry');
  lease.shape.warm = worker;
}

export function endLease(worker: WorkerBook, lease: Lease, move: Exclude<LeaseMove, 'dry'>): void {
  lease.state = moved(LEASE_MOVES, 'lease', lease.state, move);
  worker.lease = undefined;
  if (lease.shape.warm === worker) lease.shape.warm = undefined;
}

/** A part has failed there, or was given back: the next, or this one again, is for whoever the policy chooses. */
export function coolDown(worker: WorkerBook): void {
  if (worker.lease !== undefined) endLease(worker, worker.lease, 'expire');
}

/** A worker goes: nothing flows to it any more. */
export function leave(core: Core, worker: WorkerBook): void {
  if (worker.lease !== undefined) endLease(worker, worker.lease, 'leave');
  core.roomy.delete(worker);
  core.behind.delete(worker);
  core.laden.delete(worker);
}

export function place(core: Core): void {
  refreshRooms(core);
  let solo = false;
  for (const shape of core.active) {
    if (shape.solo.size === 0) continue;
    placeSolo(core, shape, assign);
    if (shape.solo.size > 0) solo = true;
  }
  if (!solo && core.held.size > 0) letGo(core);
  refreshRooms(core);
  placeAllocated(core, assign);
  const push = core.policy.distribution === 'push' && core.pushPeers > 0 && core.pushStrangers === 0 && core.pushPeers === hearing(core);
  for (const shape of core.active.size === 1 ? core.active : Array.from(core.active)) {
    const { waiting } = shape;
    if (shape.resources === undefined) {
      if (push && mayDoubt(core)) placeByPush(core, shape);
      else placeByLease(core, shape);
      if (shape.ready.length > 0) placeOldest(core, shape);
    }
    // (The only one stays: a Set makes a new table whenever it is emptied.)
    if ((shape.waiting < waiting || waiting === 0) && core.active.size > 1) core.active.delete(shape);
    // What was served goes behind what was not: else a shape that never runs dry would take every room there is.
    if (shape.waiting > 0) core.active.add(shape);
  }
  refreshRooms(core);
}

/** Tells the policy of rooms that changed; leases that still hold are used first. */
function refreshRooms(core: Core): void {
  for (let worker = core.roomChanged.take(); worker !== undefined; worker = core.roomChanged.take()) {
    if (!core.workers.has(worker.session)) continue;
    const { lease } = worker;
    if (lease !== undefined && core.policy.distribution === 'lease') {
      if (core.now - lease.sinceMs >= QUANTUM_MS) endLease(worker, lease, 'expire');
      else if (lease.state === 'flowing' && !flow(core, worker, lease.shape, share(core, lease.shape, roomFor(core, worker, lease.shape))))
        runDry(worker, lease);
    }
    tellRoom(core, worker);
    core.policy.allocator?.open(worker.session, isOpen(core, worker));
  }
}

/** What one worker may take of the parts that wait, so that there is some for the others. */
function share(core: Core, shape: ShapeBook, room: number): number {
  return Math.min(room, Math.max(1, Math.ceil(shape.waiting / Math.max(1, core.policy.serving(shape.function)))));
}

/** Lets parts flow to a worker. Returns whether there were any to take. */
function flow(core: Core, worker: WorkerBook, shape: ShapeBook, count: number): boolean {
  let left = count;
  while (left > 0) {
    const rows = take(core, shape, Math.min(left, TURN));
    if (rows.length === 0) return false;
    assign(core, worker, rows);
    left -= rows.length;
  }
  return shape.ready.length > 0;
}

/**
 * Who gets the next part without the policy being asked: whose lease ran dry a moment ago, if nothing is left to do there. One job after the
 * other then finds a process whose code and data are in the caches.
 */
function warmWorker(core: Core, shape: ShapeBook): WorkerBook | undefined {
  const { warm } = shape;
  if (warm?.lease === undefined || core.now - warm.lease.sinceMs >= QUANTUM_MS) return undefined;
  return loadOf(warm) === 0 && roomFor(core, warm, shape) > 0 ? warm : undefined;
}

function placeByLease(core: Core, shape: ShapeBook): void {
  while (shape.ready.length > 0) {
    const warm = warmWorker(core, shape);
    if (warm !== undefined) {
      flow(core, warm, shape, Math.min(share(core, shape, roomFor(core, warm, shape)), idleSlots(warm)));
      tellRoom(core, warm);
      continue;
    }
    const grant = core.policy.grant(shape, shape.waiting);
    if (grant === undefined) return;
    const worker = core.workers.get(grant.worker) as WorkerBook;
    const room = roomFor(core, worker, shape);
    // Who idles would have been chosen, and these should not wait behind what runs.
    if (room === 0) return;
    if (worker.lease !== undefined && (worker.lease.shape !== shape || worker.lease.state === 'dry'))
      endLease(worker, worker.lease, 'expire');
    worker.lease ??= { shape, sinceMs: core.now, state: 'flowing' };
    flow(core, worker, shape, Math.min(grant.count, room));
    tellRoom(core, worker);
  }
}

/**
 * The oldest part of an ordered stream, when no worker has room: if parts of that stream wait for credit, they wait for this one. It goes
 * where one of them is, and that makes way.
 */
function placeOldest(core: Core, shape: ShapeBook): void {
  const queues = [...shape.ready];
  for (const queue of queues) {
    const { hungry, ordered } = queue.stream;
    const rows = ordered ? [...hungry.keys()].map((key) => core.parts.find(key)) : [];
    const workers = rows.map((row) => core.workers.get(core.parts.worker[row] as number));
    const worker = workers.find((one) => one !== undefined && isFit(core, one, shape));
    if (worker === undefined) continue;
    shape.ready.splice(shape.ready.indexOf(queue), 1);
    shape.ready.unshift(queue);
    assign(core, worker, take(core, shape, 1));
  }
}

function isFit(core: Core, worker: WorkerBook, shape: ShapeBook): boolean {
  return !worker.leaving && worker.functions.includes(shape.function) && core.sessions.get(worker.session)?.state === 'joined';
}

/** Gives parts that were taken together to a worker: lines in its next batch. `allocation`: what the only one was given. */
function assign(core: Core, worker: WorkerBook, rows: readonly number[], allocation?: Allocation): void {
  if (rows.length === 0) return;
  const session = core.sessions.get(worker.session) as Session;
  const { parts } = core;
  for (const row of rows) {
    parts.worker[row] = worker.session;
    parts.given[row] = parts.attempt[row] as number;
    if (allocation !== undefined) hold(core, worker, row, allocation);
    addPlaced(core, worker, row);
    if (worker.ghosts.size > 0) worker.ghosts.delete(parts.key[row] as number);
    if (worker.doubted !== undefined) absolve(core, worker, parts.key[row] as number);
  }
  write(core, session.drafts, rows, allocation);
  core.touched.add(session);
}

/** How many workers are here, and hear. */
function hearing(core: Core): number {
  let count = 0;
  for (const worker of core.workers.values()) {
    const session = core.sessions.get(worker.session);
    if (session?.state === 'joined' && worker.silentSinceMs <= session.heardAtMs) count += 1;
  }
  return count;
}

/** Sends parts over PUSH, in messages so small that every worker gets some, as long as there is room among all. */
function placeByPush(core: Core, shape: ShapeBook): void {
  let room = roomForPush(core, shape);
  if (room === 0) return;
  let turn = TURN;
  for (const worker of core.workers.values()) turn = Math.min(turn, Math.max(1, aheadOf(core, worker, shape)));
  while (room > 0) {
    const fair = Math.max(1, Math.ceil(shape.waiting / core.pushPeers));
    const rows = take(core, shape, Math.min(room, turn, fair), MOVE.push);
    if (rows.length === 0) return;
    room -= rows.length;
    for (const row of rows) addPushed(core, row);
    write(core, core.pushDrafts, rows);
    for (const records of core.pushDrafts.take()) {
      const envelope = { lane: 'push', epoch: core.config.epoch, session: 0, token: NO_TOKEN, seq: 0, ack: 0, reportsAck: 0 } as const;
      core.out.push({ type: 'push', envelope, records });
    }
  }
}

const NO_TOKEN = '0000000000000000';

/** Takes a part that was placed or pushed from whoever has it; its credit is free. */
export function setAside(core: Core, row: number): void {
  const { parts } = core;
  const stream = core.streams.get(parts.stream[row] as number) as Stream;
  if (parts.state[row] === PART.placed) unplace(core, row);
  if (parts.state[row] === PART.pushed) removePushed(core, row);
  returnGrant(core, stream, row);
  stream.hungry.delete(parts.key[row] as number);
  parts.move(row, MOVE.requeue);
  core.changed.add(stream);
}

/** Puts a part that was placed or pushed back in its queue, first in line. What its old attempt still reports stays welcome. */
export function requeue(core: Core, row: number): void {
  setAside(core, row);
  enqueue(core, row, true);
}

/** What went over PUSH and was accepted by nobody goes out again. */
export function requeuePushed(core: Core): void {
  for (const key of [...core.pushed].toReversed()) {
    const row = core.parts.find(key);
    if (row >= 0 && core.parts.state[row] === PART.pushed) {
      doubtSomebody(core, row);
      requeue(core, row);
    }
  }
}
