/**
 * A worker whose event loop is blocked is not lost: its connection stands, and what it runs goes on. But it hears nothing, so what it
 * has not begun runs elsewhere. It gets nothing more until it is heard of again: what was taken back from it must not go there once more.
 */
import type { WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { requeuePushed } from './placing.ts';
import { roomOf } from './rooms.ts';

/** Parts by PUSH that nobody has accepted for so long lie with a worker that hears nothing. */
const ACCEPT_MS = 200;

/** It has not answered. */
export function fallSilent(core: Core, worker: WorkerBook): void {
  worker.silentSinceMs = core.now;
  core.dirty(worker);
}

/** Looks later whether the parts that are under way over PUSH were accepted. */
export function watchPushes(core: Core): void {
  if (core.pushed.size === 0 || core.workers.size < 2 || core.timers.has('pushes')) return;
  [core.oldestPush] = core.pushed;
  core.pushesSinceMs = core.now;
  core.timers.set('pushes', core.now + ACCEPT_MS);
}

/**
 * The oldest part by PUSH is still not accepted. If a worker idles, all of them are placed again: by lease, as long as one is silent.
 * Who is busy and says nothing may only have nothing to say: so it is asked.
 */
export function pushesOverdue(core: Core): void {
  const [oldest] = core.pushed;
  if (oldest === undefined || oldest !== core.oldestPush) return;
  // If we come late ourselves, the word that it was accepted may be here, unread.
  if (core.now - core.pushesSinceMs > 2 * ACCEPT_MS) return;
  const workers = [...core.workers.values()];
  if (!workers.some((worker) => worker.placed.size === 0 && roomOf(core, worker) > 0)) return;
  for (const worker of workers) {
    const session = core.sessions.get(worker.session);
    if (session?.state !== 'joined' || worker.placed.size === 0 || session.heardAtMs > core.now - ACCEPT_MS) continue;
    session.drafts.add({ kind: 'revoke', keys: [] });
    core.touched.add(session);
    fallSilent(core, worker);
  }
  requeuePushed(core);
}
