/** Why parts of a shape wait: what is missing, where they would fit best, and what runs there. */
import type { Kinds } from '../resources/kind.ts';
import { type Pools, take } from '../resources/pools.ts';
import type { Explanation } from './policy.ts';
import type { Host, Want } from './hosts.ts';

/** Requests in words: '3 cores, 2.5 GiB'. */
function words(kinds: Kinds, request: ReadonlyMap<string, unknown>): string[] {
  return [...request].map(([name, wanted]) => kinds.get(name)?.words?.(wanted) ?? `${name} ${JSON.stringify(wanted)}`);
}

/** Of what is asked for, what does not fit into these pools by itself. */
function missing(kinds: Kinds, pools: Pools, { request }: Want, nowMs: number): ReadonlyMap<string, unknown> {
  return new Map([...request].filter((entry) => take(kinds, pools, new Map([entry]), nowMs) === undefined));
}

/** @param hosts those that serve the function */
export function explained(kinds: Kinds, hosts: readonly Host[], want: Want, nowMs: number): Explanation {
  const asks = words(kinds, want.request).join(', ');
  const able = hosts.filter((host) => take(kinds, host.whole, want.request, nowMs) !== undefined);
  const never = able.length === 0;
  const pools = (host: Host): Pools => (never ? host.whole : host.free);
  const lacks = (host: Host): number => missing(kinds, pools(host), want, nowMs).size;
  const left = (host: Host): number => {
    let sum = 0;
    const from = pools(host);
    for (const name of want.request.keys()) if (from.has(name)) sum += kinds.get(name)?.left?.(from.get(name), nowMs) ?? 0;
    return sum;
  };
  const [closest] = (never ? [...hosts] : able).toSorted((a, b) => lacks(a) - lacks(b) || left(b) - left(a));
  const best = want.promise ?? closest;
  if (best === undefined) return { asks, never, lacks: '', best: undefined, has: '', running: [], promised: false };
  const has = [...want.request.keys()].map((name) => {
    const amount = (from: Pools): number => (from.has(name) ? (kinds.get(name)?.left?.(from.get(name), nowMs) ?? Infinity) : 0);
    const said = best.whole.has(name) ? kinds.get(name)?.has?.(best.whole.get(name), nowMs) : undefined;
    if (said !== undefined) return said;
    return never ? `${name} ${amount(best.whole)}` : `${name} ${amount(best.free)} of ${amount(best.whole)}`;
  });
  return {
    asks,
    never,
    lacks: words(kinds, missing(kinds, pools(best), want, nowMs)).join(', '),
    best: best.worker,
    has: has.filter((text) => !text.includes('Infinity')).join(', '),
    running: [...best.tenants.values()].map((tenant) => `${tenant.want.shape.function} (${words(kinds, tenant.want.request).join(', ')})`),
    promised: best.promised === want,
  };
}
