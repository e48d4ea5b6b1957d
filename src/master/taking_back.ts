/**
 * Parts that a worker has not begun are taken back when others could begin them sooner: all that waits behind a part that is late, as soon
 * as somebody else has room or the queue is nearly dry; half of much, as soon as somebody idles; and all of what turns out to be far more work
 * than it was thought to be, as soon as others wait for their turn. The worker is asked, and one that does
 * not answer (its event loop is blocked) loses them all the same; should it run one of them after all, whichever result comes first counts.
 * With a `crashLimit` of 1 it keeps them: it may be gone, because of one of them.
 *
 * While many parts wait, nobody has room, and what stands behind a late part stays: it will have begun before the last of them, and the
 * worker has something to go on with.
 */
import type { WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { PART } from './parts.ts';
import { endLease } from './placing.ts';
import { isLaden, isOpen, unbegun } from './rooms.ts';
import { fallSilent } from './silence.ts';
import { mayDoubt } from './suspicion.ts';
import { takeAway } from './workers.ts';

/** Parts that are not begun are looked at so often; less work than this is not worth the trouble, unless what runs before it is late. */
const WORTH_MS = 5;
const ANSWER_MS = 50;
/** Parts that wait, for each worker: with fewer, what stands behind a late part may be begun last of all, where it does most harm. */
const LAST = 8;
/** How long after one look the next may follow, for each hundred workers: a look goes through all that they have not begun. */
const LOOK_MS = 1;

/** Looks at once, or as soon as what runs is late, if somebody could take what waits behind it. */
export function watchBacklog(core: Core): void {
  if (core.behind.size === 0) return;
  const lookMs = LOOK_MS * Math.ceil(core.workers.size / 100);
  if (core.workers.size > 1 || core.laden.size > 0 || starving(core).size > 0)
    core.timers.ensure('backlog', core.now + Math.max(WORTH_MS, lookMs));
  if (core.timers.has('late') || (core.roomy.size === 0 && !isLow(core))) return;
  let soonest = Infinity;
  for (const worker of core.behind) if (worker.revoked === undefined) soonest = Math.min(soonest, lateAtMs(worker));
  const atMs = Math.max(soonest, core.lookedAtMs + lookMs);
  if (atMs <= core.now) takeBack(core);
  else if (atMs < Infinity) core.timers.set('late', atMs);
}

/** Whether the queue is nearly dry. */
function isLow(core: Core): boolean {
  let most = LAST * core.workers.size;
  for (const { waiting } of core.active) if ((most -= waiting) <= 0) return false;
  return true;
}

/** When what runs there will have taken too long. */
function lateAtMs(worker: WorkerBook): number {
  return worker.reportedAtMs + worker.service.patienceMs;
}

/** Streams of which parts wait for credit: what is reserved for those that were not begun may be what they wait for. */
function starving(core: Core): Set<number> {
  const starved = new Set<number>();
  for (const stream of core.streams.values()) if (stream.hungry.size > 0) starved.add(stream.number);
  return starved;
}

/** Takes parts back from workers that are behind, for those that could begin them sooner, and for streams that starve. */
export function takeBack(core: Core): void {
  core.lookedAtMs = core.now;
  const starved = starving(core);
  if (core.laden.size > 0) unload(core);
  if (starved.size === 0 && !isThereTaker(core, undefined, true)) return;
  const hasTaker = takersOf(core);
  for (const worker of core.behind) {
    const count = unbegun(worker);
    if (count <= 0 || worker.revoked !== undefined) continue;
    const keys = starved.size === 0 ? [] : keysFromEnd(core, worker, count, (row) => starved.has(core.parts.stream[row] as number));
    ask(core, worker, keys.length > 0 ? keys : keysFor(core, worker, count, hasTaker));
  }
}

/** Takes all back from those who have far more work than it was thought to be, if others wait. */
function unload(core: Core): void {
  for (const worker of core.laden) {
    const isOver = unbegun(worker) <= 0 || !isLaden(worker);
    if (!isOver && (worker.revoked !== undefined || !areOthersWaiting(core, worker))) continue;
    core.laden.delete(worker);
    if (isOver) continue;
    worker.late = true;
    askForAll(core, worker);
  }
}

/** Whether parts of several streams wait there, or in their queues for this worker. */
function areOthersWaiting(core: Core, worker: WorkerBook): boolean {
  const { stream } = core.parts;
  let last: number | undefined;
  const others = keysFromEnd(core, worker, unbegun(worker), (row) => stream[row] !== (last ??= stream[row]));
  if (others.length > 0) return true;
  for (const shape of core.active)
    if (worker.functions.includes(shape.function)) for (const queue of shape.ready) if (queue.stream.number !== last) return true;
  return false;
}

type HasTaker = (name: string, late: boolean) => boolean;

/** What a worker gives up for others: all that waits behind a part that is late, or half of much for those that idle. */
function keysFor(core: Core, worker: WorkerBook, count: number, hasTaker: HasTaker): number[] {
  const late = core.now >= lateAtMs(worker);
  if (!late && (count * worker.service.meanMicros) / 1_000 < WORTH_MS) return [];
  const fit = (row: number): boolean => hasTaker(core.shapes[core.parts.shape[row] as number]?.function as string, late);
  const keys = keysFromEnd(core, worker, late ? count : Math.ceil(count / 2), fit);
  if (keys.length > 0) worker.late = late;
  return keys;
}

/** Tells whether somebody could begin a part sooner: whoever idles; and if it stands behind a late one, whoever is not late as well. */
function takersOf(core: Core): HasTaker {
  const known = new Map<string, boolean>();
  return (name, late) => {
    const key = `${late ? 'late' : 'laden'} ${name}`;
    let has = known.get(key);
    if (has === undefined) known.set(key, (has = isThereTaker(core, name, late)));
    return has;
  };
}

/** @param name of a function; undefined: any */
function isThereTaker(core: Core, name: string | undefined, late: boolean): boolean {
  for (const worker of late && isLow(core) ? core.workers.values() : core.roomy) {
    const inTime = unbegun(worker) < 0 || (late && core.now < lateAtMs(worker));
    if (inTime && isOpen(core, worker) && (name === undefined || worker.functions.includes(name))) return true;
  }
  return false;
}

/** Of the `count` parts that a worker got last, those that are wanted, oldest first. */
function keysFromEnd(core: Core, worker: WorkerBook, count: number, wanted: (row: number) => boolean): number[] {
  const keys: number[] = [];
  let left = count;
  for (let row = worker.placed.tail; row >= 0 && left > 0; row = core.parts.ofWorker.previous[row] as number) {
    if ((core.parts.allocation[row] as number) >= 0) continue;
    if (wanted(row)) keys.push(core.parts.key[row] as number);
    left -= 1;
  }
  return keys.toReversed();
}

/** All that a worker has not begun. */
export function askForAll(core: Core, worker: WorkerBook): void {
  const count = unbegun(worker);
  if (count > 0)
    ask(
      core,
      worker,
      keysFromEnd(core, worker, count, () => true),
    );
}

function ask(core: Core, worker: WorkerBook, keys: number[]): void {
  const session = core.sessions.get(worker.session);
  if (session === undefined || session.state !== 'joined' || keys.length === 0) return;
  worker.revoked = new Set(keys);
  // What it gives back must not flow there again.
  if (worker.lease !== undefined) endLease(worker, worker.lease, 'expire');
  session.drafts.add({ kind: 'revoke', keys });
  core.touched.add(session);
  expectAnswer(core, worker);
}

function expectAnswer(core: Core, worker: WorkerBook): void {
  worker.askedAtMs = core.now;
  core.timers.set(`revoke:${worker.session}`, core.now + ANSWER_MS);
}

/** The time to answer is over: what was not given back, and not ended, is placed again. What has begun meanwhile was kept by its worker's word. */
export function revokeOverdue(core: Core, session: number): void {
  const worker = core.workers.get(session);
  const keys = worker?.revoked;
  if (worker === undefined || keys === undefined) return;
  // It was asked again in this very moment: this is the time of an earlier question, which was answered.
  if (core.now < worker.askedAtMs + ANSWER_MS) return;
  // A report of the moment in which it was asked is what made us ask.
  const answered = worker.reportedAtMs > worker.askedAtMs;
  // If we come late ourselves, the answer may be here, unread. And who is gone comes back soon, or is known for lost: then it is known as
  // well what may have brought it down.
  const isGone = core.sessions.get(session)?.state !== 'joined';
  if (!answered && (isGone || core.now - worker.askedAtMs > 2 * ANSWER_MS)) return expectAnswer(core, worker);
  if (!answered) fallSilent(core, worker);
  // With no room for doubt what it was asked for stays there, and it stays asked.
  if (!answered && !mayDoubt(core)) return;
  worker.revoked = undefined;
  if (answered) return;
  for (const key of [...keys].toReversed()) {
    const row = core.parts.find(key);
    const isHere = row >= 0 && core.parts.state[row] === PART.placed && core.parts.worker[row] === session;
    // What came to run alone may be what keeps the worker: it must not bring down another at the same time.
    if (isHere && core.parts.solo[row] === 0) takeAway(core, worker, row);
  }
}
