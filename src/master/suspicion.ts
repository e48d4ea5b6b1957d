/**
 * Which parts may have brought a worker down. A part has a strike for each lost worker that surely ran it: it was among the oldest there.
 * Any other may have run, too, if ends that were not reported went with the worker. So each part keeps its *doubts*: workers from which it
 * was taken without a word of theirs, and marks (below 0) for each time that it was taken back from PUSH, where nobody knows who has it.
 * They fail nothing by themselves, but with as many as are needed for the limit but one, the part runs alone: should that worker be lost
 * as well, enough is known.
 *
 * With a limit of 1 there is no room for doubt: then nothing is ahead of what runs, nothing goes over PUSH, and all that a lost worker has is
 * taken for begun.
 */
import type { WorkerBook } from './books.ts';
import type { Core } from './core.ts';

/** Whether what a worker has may be more than what it runs, for all that is known here. */
export function mayDoubt({ config }: Core): boolean {
  return config.crashLimit > 1;
}

function doubtsOf({ parts }: Core, row: number): Set<number> {
  return (parts.doubts[row] ??= new Set());
}

/** The part goes elsewhere, and the worker has not said that it did not run it. */
export function doubt(core: Core, worker: WorkerBook, row: number): void {
  doubtsOf(core, row).add(worker.session);
  (worker.doubted ??= new Set()).add(core.parts.key[row] as number);
}

/** The part is taken back from PUSH: somebody may have it. */
export function doubtSomebody(core: Core, row: number): void {
  core.lastMark -= 1;
  doubtsOf(core, row).add(core.lastMark);
}

/** Now it is known who had it. */
export function resolve({ parts }: Core, row: number): void {
  const doubts = parts.doubts[row];
  for (const mark of doubts ?? []) {
    if (mark > 0) continue;
    doubts?.delete(mark);
    return;
  }
}

/** The connection of a worker is gone: it may still have what is no longer its own, in a slot or with resources. */
export function doubtGhosts(core: Core, worker: WorkerBook): void {
  for (const key of [...worker.ghosts, ...worker.allocated.keys()]) {
    const row = core.parts.find(key);
    if (row >= 0 && core.parts.worker[row] !== worker.session) doubt(core, worker, row);
  }
}

/** The worker lives, and has said what became of the part. */
export function absolve({ parts }: Core, worker: WorkerBook, key: number): void {
  if (worker.doubted?.delete(key) !== true) return;
  const row = parts.find(key);
  if (row >= 0) parts.doubts[row]?.delete(worker.session);
}

/** The worker has left in order: that is nobody's fault. */
export function absolveAll(core: Core, worker: WorkerBook): void {
  for (const key of worker.doubted ?? []) absolve(core, worker, key);
}

/** Whether no other part may be where this one runs. */
export function runsAlone({ parts, config }: Core, row: number): boolean {
  return (parts.strikes[row] as number) > 0 || (parts.doubts[row]?.size ?? 0) >= Math.max(1, config.crashLimit - 1);
}

/** How many workers that had the part are gone, if there are as many as may be and it is certain of one; else 0. */
export function deathsBy(core: Core, row: number): number {
  const { parts, config } = core;
  const strikes = parts.strikes[row] as number;
  if (strikes === 0) return 0;
  const isGone = (session: number): boolean => core.sessions.get(session)?.state !== 'joined';
  let deaths = strikes;
  for (const session of parts.doubts[row] ?? []) if (session < 0 || isGone(session)) deaths += 1;
  let gone = core.lostWorkers - (parts.lostBefore[row] as number);
  for (const session of core.workers.keys()) if (isGone(session)) gone += 1;
  deaths = Math.min(deaths, gone);
  return deaths >= config.crashLimit ? deaths : 0;
}
