/** What is known of each worker, and of each shape that asks for resources. Data only. */
import type { Pools, Request, Shares } from '../resources/pools.ts';
import type { Shape } from './policy.ts';

/** A part that runs: what it has, and when that is free at the latest; Infinity: nobody knows. */
interface Tenant {
  readonly want: Want;
  readonly shares: Shares;
  readonly endsAtMs: number;
}

export interface Host {
  readonly worker: number;
  readonly functions: ReadonlySet<string>;
  /** All of it, and what is free now. */
  readonly whole: Pools;
  free: Pools;
  /** Whether parts may be placed there now. */
  open: boolean;
  readonly tenants: Map<number, Tenant>;
  /** The shape that it is promised to. */
  promised: Want | undefined;
}

/** A shape, as far as it is waited for. */
export interface Want {
  readonly shape: Shape;
  readonly request: Request;
  /** Seconds that a part takes at most. */
  readonly hard: number;
  /** Since when none of its parts was placed, though some wait; -1: none waits. */
  sinceMs: number;
  promise: Host | undefined;
  /** Nothing has come free since it found no room. */
  triedAt: number;
  /** How much of the largest worker it takes, and as of how many joins. */
  size: number;
  sizedAt: number;
}
