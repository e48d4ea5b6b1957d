/** Who has what of which worker, and where the next part fits. */
import { packValue } from '../protocol/fields.ts';
import type { Kinds } from '../resources/kind.ts';
import { giveBack, parseOffer, parseRequest, type Pools, type Request, type Shares, shownShares, take } from '../resources/pools.ts';
import type { Allocation, Allocator, PolicyWorker, Shape } from './policy.ts';

export type Placement = 'best-fit' | 'first-fit' | 'spread';

interface Host {
  readonly worker: number;
  readonly functions: ReadonlySet<string>;
  /** All of it, and what is free now. */
  readonly whole: Pools;
  free: Pools;
  open: boolean;
  readonly taken: Map<number, Shares>;
}

export class Allocations implements Allocator {
  readonly #kinds: Kinds;
  readonly #placement: Placement;
  readonly #hosts = new Map<number, Host>();
  readonly #requests = new Map<number, Request>();
  readonly #hostOf = new Map<number, Host>();
  /** The most that any worker had of a kind: what amounts are measured by. */
  readonly #scale = new Map<string, number>();
  #lastId = 0;

  constructor(kinds: Kinds, placement: Placement) {
    this.#kinds = kinds;
    this.#placement = placement;
  }

  /** Returns why the worker cannot be taken, or undefined. */
  join({ worker, functions, resources, nowMs = 0 }: PolicyWorker): string | undefined {
    let whole: Pools = new Map();
    try {
      if (resources !== undefined) whole = parseOffer(this.#kinds, resources, nowMs);
    } catch (error) {
      return (error as Error).message;
    }
    for (const [name, kind] of this.#kinds) {
      const amount = whole.has(name) ? (kind.left?.(whole.get(name), nowMs) ?? 0) : 0;
      this.#scale.set(name, Math.max(amount, this.#scale.get(name) ?? 0));
    }
    this.#hosts.set(worker, { worker, functions: new Set(functions), whole, free: whole, open: false, taken: new Map() });
    return undefined;
  }

  leave(worker: number): void {
    for (const id of this.#hosts.get(worker)?.taken.keys() ?? []) this.#hostOf.delete(id);
    this.#hosts.delete(worker);
  }

  judge(shape: Shape): string | undefined {
    try {
      this.#requests.set(shape.id, parseRequest(this.#kinds, shape.resources as Uint8Array));
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  open(worker: number, isOpen: boolean): void {
    const host = this.#hosts.get(worker);
    if (host !== undefined) host.open = isOpen;
  }

  order(shapes: readonly Shape[]): readonly Shape[] {
    return shapes;
  }

  allocate(shape: Shape, nowMs: number, worker?: number): Allocation | undefined {
    const request = this.#requests.get(shape.id) as Request;
    let best: { host: Host; pools: Pools; shares: Shares; rank: number } | undefined;
    for (const host of this.#hosts.values()) {
      if (!host.functions.has(shape.function) || (worker === undefined ? !host.open : host.worker !== worker)) continue;
      const taken = take(this.#kinds, host.free, request, nowMs);
      if (taken === undefined) continue;
      const rank = this.#rank(taken.pools, nowMs);
      if (best === undefined || rank < best.rank) best = { host, ...taken, rank };
      if (this.#placement === 'first-fit') break;
    }
    if (best === undefined) return undefined;
    this.#lastId += 1;
    best.host.free = best.pools;
    best.host.taken.set(this.#lastId, best.shares);
    this.#hostOf.set(this.#lastId, best.host);
    return { id: this.#lastId, worker: best.host.worker, packed: packValue(shownShares(this.#kinds, best.shares)) };
  }

  release(allocation: number): void {
    const host = this.#hostOf.get(allocation);
    const shares = host?.taken.get(allocation);
    if (host === undefined || shares === undefined) return;
    host.free = giveBack(this.#kinds, host.free, shares);
    host.taken.delete(allocation);
    this.#hostOf.delete(allocation);
  }

  fits(shape: Shape, nowMs: number, worker?: number): boolean {
    const request = this.#requests.get(shape.id) as Request;
    for (const host of this.#hosts.values()) {
      if (!host.functions.has(shape.function) || (worker !== undefined && host.worker !== worker)) continue;
      if (take(this.#kinds, host.whole, request, nowMs) !== undefined) return true;
    }
    return false;
  }

  /** Among workers with room the one with the lowest rank is taken. */
  #rank(pools: Pools, nowMs: number): number {
    let left = 0;
    for (const [name, pool] of pools) {
      const amount = this.#kinds.get(name)?.left?.(pool, nowMs) ?? 0;
      if (amount > 0) left += amount / (this.#scale.get(name) as number);
    }
    return this.#placement === 'spread' ? -left : left;
  }
}
