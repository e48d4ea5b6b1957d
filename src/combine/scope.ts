/** Where a piece of a combine runs: what executes its jobs, what cancels it, and how many groups are open. Follows async calls. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { CallOptions, Payload } from '../streams/types.ts';

/** Runs one job to its one result. A client is one. */
export interface Executor {
  call(name: string, payload: Payload, options: CallOptions): Promise<Buffer>;
}

/** One `runCombine`. */
export interface Run {
  readonly executor: Executor;
  readonly maxGroups: number;
  openGroups: number;
}

export interface Scope {
  readonly run: Run;
  /** Aborted when what runs here is of no use any more. */
  readonly signal: AbortSignal;
  /** The group that runs here waits for this, too; what becomes of it is its caller's matter. */
  readonly hold: (begun: Promise<unknown>) => void;
}

const scopes = new AsyncLocalStorage<Scope>();

/** The scope of the caller. @throws Error outside of runCombine */
export function currentScope(what: string): Scope {
  const scope = scopes.getStore();
  if (scope === undefined) throw new Error(`${what}: expected to be called within runCombine(main, options), by main or what it calls`);
  return scope;
}

export function within<T>(scope: Scope, run: () => T): T {
  return scopes.run(scope, run);
}
