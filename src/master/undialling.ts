/** A worker that this master dialled, and dials no more: it finishes what it has begun here, and is let go. */
import type { Core } from './core.ts';
import { awaitReading, endSession, isReading } from './sessions.ts';
import { askForAll } from './taking_back.ts';
import { takeAway } from './workers.ts';

/** Nothing new goes there; what it has not begun comes back. Ends in `hangUp`, at the latest after `deadlineMs`. */
export function onUndial(core: Core, connection: number, deadlineMs: number): void {
  const session = core.byConnection.get(connection);
  if (session?.worker === undefined) {
    core.out.push({ type: 'hangUp', connection });
    return;
  }
  core.undialling.set(session.number, connection);
  session.worker.leaving = true;
  core.owing.add(session);
  core.dirty(session.worker);
  askForAll(core, session.worker);
  core.timers.set(`undial:${session.number}`, core.now + deadlineMs);
}

/** There is no time left: what it still has runs elsewhere, and it is told so. */
export function undialOverdue(core: Core, number: number): void {
  const worker = core.workers.get(number);
  if (worker === undefined) return;
  while (worker.placed.tail >= 0) takeAway(core, worker, worker.placed.tail);
}

/** Behind the flush: lets those go that have finished, or are gone by themselves. */
export function letGo(core: Core): void {
  for (const [number, connection] of core.undialling) {
    const session = core.sessions.get(number);
    if (session?.worker !== undefined && session.worker.placed.size > 0) continue;
    // A worker that stops now, and was not told that its last word was read, would wait for this master.
    if (session !== undefined && session.connection >= 0 && core.timers.has(`undial:${number}`) && isReading(session)) {
      awaitReading(core, session);
      continue;
    }
    core.undialling.delete(number);
    core.timers.clear(`undial:${number}`);
    if (session !== undefined) endSession(core, session, 'left');
    core.out.push({ type: 'hangUp', connection });
  }
}
