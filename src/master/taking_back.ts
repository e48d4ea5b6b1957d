/**
 * When one worker idles and another has parts that it has not begun, they are taken back: the worker is asked, and one that does not
 * answer (its event loop is blocked) loses them all the same; should it run one of them after all, whichever result comes first counts.
 */
import type { WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { PART } from './parts.ts';
import { endLease, roomOf, unbegun } from './placing.ts';
import { fallSilent } from './silence.ts';
import { takeAway } from './workers.ts';

/** Parts that are not begun are looked at so often; less work than this is not worth the trouble, unless what runs before it is late. */
const WORTH_MS = 5;
const ANSWER_MS = 50;

/** Looks again a little later if some worker has parts that it has not begun; if another idles, as soon as what runs there is late. */
export function watchBacklog(core: Core): void {
  if (core.behind.size === 0) return;
  if (core.workers.size > 1 || starving(core).size > 0) core.timers.ensure('backlog', core.now + WORTH_MS);
  if (core.idling.size === 0 || core.timers.has('late')) return;
  let soonest = Infinity;
  for (const worker of core.behind) {
    if (worker.revoked === undefined) soonest = Math.min(soonest, worker.reportedAtMs + worker.service.patienceMs);
  }
  if (soonest !== Infinity) core.timers.set('late', soonest > core.now ? soonest : core.now + WORTH_MS);
}

/** Streams of which parts wait for credit: what is reserved for those that were not begun may be what they wait for. */
function starving(core: Core): Set<number> {
  const starved = new Set<number>();
  for (const stream of core.streams.values()) if (stream.hungry.size > 0) starved.add(stream.number);
  return starved;
}

/** Takes parts back from workers that are behind, for those that idle, and for streams that starve. */
export function takeBack(core: Core): void {
  const idle = [...core.idling].filter((worker) => worker.placed.size <= worker.lent && roomOf(core, worker) > 0);
  const starved = starving(core);
  if (idle.length === 0 && starved.size === 0) return;
  for (const worker of core.behind) {
    const count = unbegun(worker);
    if (count <= 0 || worker.revoked !== undefined) continue;
    const keys = starved.size === 0 ? [] : keysFromEnd(core, worker, count, (row) => starved.has(core.parts.stream[row] as number));
    const { patienceMs, meanMicros } = worker.service;
    const little = core.now - worker.reportedAtMs < patienceMs && (count * meanMicros) / 1_000 < WORTH_MS;
    const fit = (row: number): boolean => {
      const name = core.shapes[core.parts.shape[row] as number]?.function as string;
      return idle.some((other) => other.functions.includes(name));
    };
    ask(core, worker, keys.length > 0 || little || idle.length === 0 ? keys : keysFromEnd(core, worker, Math.ceil(count / 2), fit));
  }
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
  const answered = worker.reportedAtMs >= worker.askedAtMs;
  // If we come late ourselves, the answer may be here, unread.
  if (!answered && core.now - worker.askedAtMs > 2 * ANSWER_MS) return expectAnswer(core, worker);
  worker.revoked = undefined;
  if (answered) return;
  fallSilent(core, worker);
  for (const key of [...keys].toReversed()) {
    const row = core.parts.find(key);
    const isHere = row >= 0 && core.parts.state[row] === PART.placed && core.parts.worker[row] === session;
    // What came to run alone may be what keeps the worker: it must not bring down another at the same time.
    if (isHere && core.parts.solo[row] === 0) takeAway(core, worker, row);
  }
}
