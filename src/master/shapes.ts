/**
 * Shapes come with the jobs that ask for them, and may be as many: each estimate of a walltime is another one. So those of which no part is
 * open are forgotten, but for the plain ones that workers serve, of which it is known how long they take.
 *
 * Nobody counts a shape's parts. Once there are many shapes, those that are in use are looked for; the next time when there are twice as
 * many, so that it costs each new shape the same.
 */
import { Deque } from '../machine/deque.ts';
import { ShapeLoad } from '../scheduling/service_time.ts';
import type { ShapeBook } from './books.ts';
import type { Core } from './core.ts';

/**
 * So many are kept in any case.
 * @internal
 */
export const FEW_SHAPES = 512;

/** Stands where a shape was, until another one has its number. */
const GONE: ShapeBook = {
  id: -1,
  function: '',
  resources: undefined,
  ready: [],
  warm: undefined,
  waiting: 0,
  pushed: 0,
  solo: new Deque(),
  refusal: undefined,
  hasty: false,
  served: false,
  warned: false,
};

/** At the end of a flush: nothing that the master is about to do knows a shape that is not in its books. */
export function forgetShapes(core: Core): void {
  if (core.shapeIds.size < Math.max(FEW_SHAPES, core.manyShapes)) return;
  const used = core.parts.shapesInUse();
  for (const { lease } of core.workers.values()) if (lease !== undefined) used.add(lease.shape.id);
  const gone = new Set<number>();
  for (const [key, shape] of core.shapeIds) {
    if (used.has(shape.id) || (shape.resources === undefined && shape.served)) continue;
    gone.add(shape.id);
    core.shapeIds.delete(key);
    core.active.delete(shape);
    core.policy.allocator?.forget(shape);
    core.shapes[shape.id] = GONE;
    core.freeShapes.push(shape.id);
  }
  for (const { queues } of core.streams.values()) for (const id of queues.keys()) if (gone.has(id)) queues.delete(id);
  for (const worker of core.workers.values()) {
    for (const id of worker.loads.keys()) if (gone.has(id)) worker.loads.delete(id);
    if (gone.has(worker.load.shape)) worker.load = new ShapeLoad(-1);
  }
  core.manyShapes = 2 * core.shapeIds.size;
}
