/**
 * How a user's function is called, and its generator pulled: in the scope that `jobContext()` reads, if anybody in this process has asked
 * for it (job_context.ts). A scope costs every promise of the process most of a microsecond, so there is none unless it was asked for.
 */
import type { Steps } from './answers.ts';
import { Context, type JobContext, type Nested } from './context.ts';
import type { Served } from './executor_options.ts';
import type { Task } from './task.ts';

type Enter = <T>(context: JobContext, run: () => T) => T;

let enter: Enter | undefined;
/** For generators, which are pulled again and again. */
const contexts = new WeakMap<Task, JobContext>();

/** From now on functions run in a scope. */
export function useScopes(how: Enter): void {
  enter = how;
}

export function invoke(served: Served, owner: object, message: Buffer, task: Task, nested: Nested): unknown {
  const context = new Context(task, nested);
  if (enter === undefined) return served.call(owner, message, context);
  contexts.set(task, context);
  return enter(context, () => served.call(owner, message, context));
}

export function next(task: Task, steps: Steps): unknown {
  return enter === undefined ? steps.next() : within(task, () => steps.next());
}

/** Ends a generator between two yields. */
export function finish(task: Task, steps: Steps | undefined): unknown {
  return within(task, () => steps?.return?.());
}

function within(task: Task, run: () => unknown): unknown {
  return inScope(contexts.get(task), run);
}

/** Runs something in the scope of a job. */
export function inScope(context: JobContext | undefined, run: () => unknown): unknown {
  return enter === undefined || context === undefined ? run() : enter(context, run);
}
