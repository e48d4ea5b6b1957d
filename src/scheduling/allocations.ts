/**
 * Who has what of which worker, and where the next part fits.
 *
 * A shape that has waited for too long is promised a worker: what comes free there is kept for it, and others are placed there only
 * where walltimes say that this does not delay it.
 */
import { told } from '../common/thrown.ts';
import { packValue } from '../protocol/fields.ts';
import { GuardedKind } from '../resources/guarded.ts';
import type { Kinds } from '../resources/kind.ts';
import { giveBack, parseOffer, parseRequest, type Pools, type Shares, shownShares, take } from '../resources/pools.ts';
import type { Limits } from '../resources/walltime.ts';
import { explained } from './explaining.ts';
import type { Host, Want } from './hosts.ts';
import type { Allocation, Allocator, Explanation, PolicyWorker, Shape } from './policy.ts';
import { startOf } from './starting.ts';

export type Placement = 'best-fit' | 'first-fit' | 'spread';

const MOST_PROMISES = 4;

export class Allocations implements Allocator {
  readonly #kinds: Kinds;
  readonly #placement: Placement;
  readonly #reserveAfterMs: number;
  readonly #hosts = new Map<number, Host>();
  readonly #wants = new Map<number, Want>();
  readonly #hostOf = new Map<number, Host>();
  readonly #waiting = new Set<Want>();
  /** The most that any worker had of a kind: what amounts are measured by. */
  readonly #scale = new Map<string, number>();
  #promises = 0;
  #lastId = 0;
  #joins = 0;
  /** Counts what may give room to somebody. */
  #changes = 0;

  constructor(kinds: Kinds, placement: Placement, reserveAfterMs: number) {
    this.#kinds = kinds;
    this.#placement = placement;
    this.#reserveAfterMs = reserveAfterMs;
  }

  /** Returns why the worker cannot be taken, or undefined. */
  join({ worker, functions, resources, nowMs = 0 }: PolicyWorker): string | undefined {
    let whole: Pools = new Map();
    try {
      if (resources !== undefined) whole = parseOffer(this.#kinds, resources, nowMs);
    } catch (error) {
      return told(error).message;
    }
    for (const [name, kind] of this.#kinds) {
      const amount = whole.has(name) ? (kind.left?.(whole.get(name), nowMs) ?? 0) : 0;
      this.#scale.set(name, Math.max(amount, this.#scale.get(name) ?? 0));
    }
    const empty = { open: false, tenants: new Map(), promised: undefined };
    this.#hosts.set(worker, { worker, functions: new Set(functions), whole, free: whole, ...empty });
    this.#changes += 1;
    this.#joins += 1;
    return undefined;
  }

  leave(worker: number): void {
    const host = this.#hosts.get(worker);
    if (host === undefined) return;
    for (const id of host.tenants.keys()) this.#hostOf.delete(id);
    if (host.promised !== undefined) this.#breakPromise(host.promised);
    this.#hosts.delete(worker);
  }

  judge(shape: Shape): string | undefined {
    try {
      const request = parseRequest(this.#kinds, shape.resources as Uint8Array);
      const hard = (request.get('walltime') as Limits | undefined)?.hard ?? Infinity;
      this.#wants.set(shape.id, { shape, request, hard, sinceMs: -1, promise: undefined, triedAt: -1, size: 0, sizedAt: -1 });
      return undefined;
    } catch (error) {
      return told(error).message;
    }
  }

  forget({ id }: Shape): void {
    const want = this.#wants.get(id);
    if (want === undefined) return;
    this.#servedOrGone(want, -1);
    this.#wants.delete(id);
  }

  broken(shape: Shape): string | undefined {
    for (const name of this.#wants.get(shape.id)?.request.keys() ?? []) {
      const kind = this.#kinds.get(name);
      if (kind instanceof GuardedKind && kind.broken !== undefined) return kind.broken;
    }
    return undefined;
  }

  open(worker: number, isOpen: boolean): void {
    const host = this.#hosts.get(worker);
    if (host === undefined || host.open === isOpen) return;
    host.open = isOpen;
    this.#changes += 1;
  }

  /** Those that were promised a worker come first, the one that waits longest before the others; then the largest. */
  order(shapes: readonly Shape[], nowMs: number): readonly Shape[] {
    const wants = shapes.map((shape) => this.#wants.get(shape.id) as Want);
    const here = new Set(wants);
    for (const want of this.#waiting) if (!here.has(want)) this.#servedOrGone(want, -1);
    for (const want of wants) {
      this.#waiting.add(want);
      if (want.sinceMs < 0) want.sinceMs = nowMs;
      if (want.sizedAt !== this.#joins) want.size = this.#sizeOf(want, nowMs);
      want.sizedAt = this.#joins;
    }
    const late = wants.filter((want) => want.promise === undefined && nowMs - want.sinceMs >= this.#reserveAfterMs);
    for (const want of late.toSorted((a, b) => a.sinceMs - b.sinceMs)) this.#promise(want, nowMs);
    const before = (a: Want, b: Want): number => {
      if ((a.promise === undefined) !== (b.promise === undefined)) return a.promise === undefined ? 1 : -1;
      return a.promise === undefined ? b.size - a.size : a.sinceMs - b.sinceMs;
    };
    return wants.toSorted(before).map(({ shape }) => shape);
  }

  /** What a part takes of each kind, measured by the most that any worker has; of the kind of which it takes most. */
  #sizeOf({ request, shape }: Want, nowMs: number): number {
    for (const host of this.#hosts.values()) {
      const taken = host.functions.has(shape.function) ? take(this.#kinds, host.whole, request, nowMs) : undefined;
      if (taken === undefined) continue;
      let most = 0;
      for (const name of request.keys()) {
        const left = (pools: Pools): number => this.#kinds.get(name)?.left?.(pools.get(name), nowMs) ?? 0;
        most = Math.max(most, (left(host.whole) - left(taken.pools)) / Math.max(1e-9, this.#scale.get(name) ?? 0));
      }
      return most;
    }
    return 0;
  }

  /** Promises a worker to a shape: the one that is known to have room soonest, or else has most room now. */
  #promise(want: Want, nowMs: number): void {
    if (this.#promises >= MOST_PROMISES) return;
    let best: { host: Host; atMs: number; rank: number } | undefined;
    for (const host of this.#hosts.values()) {
      if (!this.#serves(host, want, nowMs) || !host.open || host.promised !== undefined) continue;
      const atMs = startOf(this.#kinds, host, want.request, nowMs);
      const rank = -this.#leftOf(host.free, nowMs) / Math.max(1e-9, this.#leftOf(host.whole, nowMs));
      if (best === undefined || atMs < best.atMs || (atMs === best.atMs && rank < best.rank)) best = { host, atMs, rank };
    }
    if (best === undefined) return;
    want.promise = best.host;
    best.host.promised = want;
    this.#promises += 1;
  }

  #breakPromise(want: Want): void {
    if (want.promise === undefined) return;
    want.promise.promised = undefined;
    want.promise = undefined;
    this.#promises -= 1;
    this.#changes += 1;
  }

  #servedOrGone(want: Want, sinceMs: number): void {
    want.sinceMs = sinceMs;
    this.#breakPromise(want);
    if (sinceMs < 0) this.#waiting.delete(want);
  }

  #serves(host: Host, want: Want, nowMs: number): boolean {
    return host.functions.has(want.shape.function) && take(this.#kinds, host.whole, want.request, nowMs) !== undefined;
  }

  allocate(shape: Shape, nowMs: number, worker?: number): Allocation | undefined {
    const want = this.#wants.get(shape.id) as Want;
    if (worker === undefined && want.triedAt === this.#changes) return undefined;
    let best: { host: Host; pools: Pools; shares: Shares; rank: number } | undefined;
    for (const host of this.#hosts.values()) {
      if (!host.functions.has(shape.function) || (worker === undefined ? !host.open : host.worker !== worker)) continue;
      const taken = take(this.#kinds, host.free, want.request, nowMs);
      if (taken === undefined) continue;
      // A worker that is asked for by its number is kept for this part: nobody else can start there before.
      if (worker === undefined && !this.#mayTake(host, want, taken, nowMs)) continue;
      const rank = this.#placement === 'spread' ? -this.#leftOf(taken.pools, nowMs) : this.#leftOf(taken.pools, nowMs);
      if (best === undefined || rank < best.rank) best = { host, ...taken, rank };
      if (this.#placement === 'first-fit') break;
    }
    if (best !== undefined) return this.#give(want, best.host, best.pools, best.shares, nowMs);
    if (worker === undefined) want.triedAt = this.#changes;
    return undefined;
  }

  /** A worker that is promised to another shape is used only where that shape can start as early as without. */
  #mayTake(host: Host, want: Want, taken: { pools: Pools; shares: Shares }, nowMs: number): boolean {
    const { promised } = host;
    if (promised === undefined || promised === want) return true;
    const startMs = startOf(this.#kinds, host, promised.request, nowMs);
    if (startMs === Infinity) return false;
    const tenant = { want, shares: taken.shares, endsAtMs: nowMs + want.hard * 1_000 };
    const after = { free: taken.pools, tenants: new Map([...host.tenants, [-1, tenant]]) };
    return startOf(this.#kinds, after, promised.request, nowMs) <= startMs;
  }

  #give(want: Want, host: Host, pools: Pools, shares: Shares, nowMs: number): Allocation {
    this.#lastId += 1;
    host.free = pools;
    host.tenants.set(this.#lastId, { want, shares, endsAtMs: nowMs + want.hard * 1_000 });
    this.#hostOf.set(this.#lastId, host);
    this.#servedOrGone(want, nowMs);
    return { id: this.#lastId, worker: host.worker, packed: packValue(shownShares(this.#kinds, shares)) };
  }

  release(allocation: number): void {
    const host = this.#hostOf.get(allocation);
    const tenant = host?.tenants.get(allocation);
    if (host === undefined || tenant === undefined) return;
    host.free = giveBack(this.#kinds, host.free, tenant.shares);
    host.tenants.delete(allocation);
    this.#hostOf.delete(allocation);
    this.#changes += 1;
  }

  fits(shape: Shape, nowMs: number, worker?: number): boolean {
    const want = this.#wants.get(shape.id) as Want;
    for (const host of this.#hosts.values())
      if ((worker === undefined || host.worker === worker) && this.#serves(host, want, nowMs)) return true;
    return false;
  }

  explain(shape: Shape, nowMs: number): Explanation {
    const hosts = [...this.#hosts.values()].filter((host) => host.functions.has(shape.function));
    return explained(this.#kinds, hosts, this.#wants.get(shape.id) as Want, nowMs);
  }

  /** How much is left, of all kinds together, each measured by the most that any worker has. */
  #leftOf(pools: Pools, nowMs: number): number {
    let left = 0;
    for (const [name, pool] of pools) {
      const amount = this.#kinds.get(name)?.left?.(pool, nowMs) ?? 0;
      if (amount > 0) left += amount / (this.#scale.get(name) as number);
    }
    return left;
  }
}
