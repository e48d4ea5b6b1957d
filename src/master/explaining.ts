/** Why parts wait, in a sentence for people. */
import type { ShapeBook } from './books.ts';
import type { Core } from './core.ts';

/** Parts that run on a worker and are named; of the others there are so many more. */
const NAMED = 8;

export function explain(core: Core, shape: ShapeBook): string {
  if (core.policy.serving(shape.function) === 0) return `no worker serves ${shape.function}`;
  if (shape.ready.length === 0 && shape.solo.size === 0)
    return 'its consumer has given no credit for more results, or a retry is not due yet';
  if (shape.resources === undefined) return 'no worker has a free slot';
  const { allocator } = core.policy;
  if (allocator === undefined) return `${shape.refusal}`;
  const { asks, never, best, lacks, has, running, promised } = allocator.explain(shape, core.now);
  const name = core.sessions.get(best ?? -1)?.name ?? '';
  if (never)
    return `it asks for ${asks}, which no worker here could ever give: closest is ${name}, with ${has || 'none of that'}, where ${lacks || 'the combination'} is missing`;
  const others = running.length > NAMED ? `, and ${running.length - NAMED} more` : '';
  const runs =
    running.length === 0
      ? 'nothing runs there'
      : `${running.slice(0, NAMED).join(', ')}${others} ${running.length === 1 ? 'runs' : 'run'} there`;
  const kept = promised ? ', and what comes free there is kept for it' : '';
  return `it asks for ${asks} and would fit best on ${name} (free: ${has || 'no limit'}), where ${lacks || 'nothing'} is missing; ${runs}${kept}`;
}
