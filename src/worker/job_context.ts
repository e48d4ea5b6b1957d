/** The entry `gristmill/context`. To import it is to ask for scopes. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { JobContext } from './context.ts';
import { useScopes } from './invoking.ts';

export type { JobContext };

const scopes = new AsyncLocalStorage<JobContext>();
useScopes((context, run) => scopes.run(context, run));

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
