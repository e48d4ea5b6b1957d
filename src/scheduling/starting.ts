/** When a request can start on a worker, as far as walltimes tell. */
import type { Kinds } from '../resources/kind.ts';
import { giveBack, type Pools, type Request, type Shares, take } from '../resources/pools.ts';

interface Occupied {
  readonly free: Pools;
  readonly tenants: ReadonlyMap<number, { readonly shares: Shares; readonly endsAtMs: number }>;
}

/**
 * The earliest time at which the request fits, if each part that runs there ends by its walltime and nothing else is placed. Infinity:
 * nobody knows, since it waits for a part without a walltime, or for one that is beyond it.
 */
export function startOf(kinds: Kinds, { free, tenants }: Occupied, request: Request, nowMs: number): number {
  let pools = free;
  if (take(kinds, pools, request, nowMs) !== undefined) return nowMs;
  for (const { shares, endsAtMs } of [...tenants.values()].toSorted((a, b) => a.endsAtMs - b.endsAtMs)) {
    if (endsAtMs === Infinity) return Infinity;
    if (endsAtMs < nowMs) continue;
    pools = giveBack(kinds, pools, shares);
    if (take(kinds, pools, request, endsAtMs) !== undefined) return endsAtMs;
  }
  return Infinity;
}
