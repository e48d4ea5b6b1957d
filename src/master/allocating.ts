/**
 * Parts that ask for resources: they are placed where the policy allocates what they need, and hold that, not a slot, until their
 * function has ended there. What an attempt has is kept by key and attempt, since an old attempt may still run beside a newer one.
 */
import type { Allocation } from '../scheduling/policy.ts';
import type { ShapeBook, WorkerBook } from './books.ts';
import type { Core } from './core.ts';
import { explain } from './explaining.ts';
import { failHasty, take } from './queueing.ts';

type Assign = (core: Core, worker: WorkerBook, rows: readonly number[], allocation: Allocation) => void;

/** Places what fits, shape by shape; one that finds no room keeps none of the others waiting. */
export function placeAllocated(core: Core, assign: Assign): void {
  const { allocator } = core.policy;
  if (allocator === undefined) return;
  for (const shape of core.active) {
    if (!shape.hasty || shape.waiting === 0 || core.workers.size === 0 || allocator.fits(shape, core.now)) continue;
    failHasty(core, shape, explain(core, shape));
  }
  const waiting = [...core.active].filter((shape) => shape.resources !== undefined && shape.ready.length > 0);
  if (waiting.length === 0) return;
  for (const { id } of allocator.order(waiting, core.now)) {
    const shape = core.shapes[id] as ShapeBook;
    while (shape.ready.length > 0) {
      const allocation = allocator.allocate(shape, core.now);
      if (allocation === undefined) {
        refuseBroken(core, shape, allocator.broken(shape));
        break;
      }
      const [row] = take(core, shape, 1);
      if (row === undefined) allocator.release(allocation.id);
      else assign(core, core.workers.get(allocation.worker) as WorkerBook, [row], allocation);
    }
  }
}

/** What waits for a kind that has failed fails, and so does whatever asks for the like from now on. */
function refuseBroken(core: Core, shape: ShapeBook, reason: string | undefined): void {
  if (reason === undefined) return;
  shape.refusal = reason;
  failHasty(core, shape, reason);
}

/** An attempt has this from now on. */
export function hold(core: Core, worker: WorkerBook, row: number, { id }: Allocation): void {
  const key = core.parts.key[row] as number;
  core.parts.allocation[row] = id;
  worker.placedOwn += 1;
  let attempts = worker.allocated.get(key);
  if (attempts === undefined) worker.allocated.set(key, (attempts = new Map()));
  attempts.set(core.parts.attempt[row] as number, id);
}

/** The function of an attempt has ended on this worker, or will never begin there. */
export function release(core: Core, worker: WorkerBook, key: number, attempt: number): void {
  if (worker.allocated.size === 0) return;
  const attempts = worker.allocated.get(key);
  const id = attempts?.get(attempt);
  if (attempts === undefined || id === undefined) return;
  attempts.delete(attempt);
  if (attempts.size === 0) worker.allocated.delete(key);
  core.policy.allocator?.release(id);
}
