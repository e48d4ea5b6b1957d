/** The scope in which a worker's function runs: it follows calls, promises, timers and events. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { JobContext } from './context.ts';

const scopes = new AsyncLocalStorage<JobContext>();

/** Runs something as part of a job. */
export function withinJob<T>(context: JobContext, run: () => T): T {
  return scopes.run(context, run);
}

/**
 * The context of the job whose function called us, directly or through any depth of calls, promises, timers and events: the same that the
 * function was given as its second argument.
 * @throws Error outside of a worker's function
 */
export function jobContext(): JobContext {
  const context = scopes.getStore();
  if (context === undefined) throw new Error("jobContext: expected to be called from within a worker's function, or from what that calls");
  return context;
}
