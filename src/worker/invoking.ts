/** How a user's function is called, and its generator pulled: within the scope that `jobContext()` reads. */
import { builtin } from '../common/builtin.ts';
import type { Steps } from './answers.ts';
import { Context, type JobContext, type Nested } from './context.ts';
import type { Served } from './executor_options.ts';
import { withinJob } from './job_context.ts';
import type { Task } from './task.ts';

const { types } = builtin('util');

export function invoke(served: Served, owner: object, message: Buffer, task: Task, nested: Nested): unknown {
  const context = new Context(task, nested);
  const answer: unknown = withinJob(context, () => served.call(owner, message, context));
  // It may be a generator, or become one.
  if (typeof answer === 'object' && answer !== null && !types.isUint8Array(answer)) task.scope = context;
  return answer;
}

export function next(task: Task, steps: Steps): unknown {
  return within(task, () => steps.next());
}

/** Ends a generator between two yields. */
export function finish(task: Task, steps: Steps | undefined): unknown {
  return within(task, () => steps?.return?.());
}

function within(task: Task, run: () => unknown): unknown {
  return inScope(task.scope as JobContext | undefined, run);
}

/** Runs something in the scope of a job. */
export function inScope(context: JobContext | undefined, run: () => unknown): unknown {
  return context === undefined ? run() : withinJob(context, run);
}
