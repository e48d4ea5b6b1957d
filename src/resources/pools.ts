/**
 * What a worker has of each kind, and what is taken of it: all that is asked for, or nothing. Pools are values: taking makes new ones.
 */
import { unpackValue } from '../protocol/fields.ts';
import type { Kinds } from './kind.ts';

/** By kind: what is left of it; what is asked of it; what was taken. */
export type Pools = ReadonlyMap<string, unknown>;
export type Request = ReadonlyMap<string, unknown>;
export type Shares = ReadonlyMap<string, unknown>;

function opened(kinds: Kinds, packed: Uint8Array, who: string): [string, unknown][] {
  const value = unpackValue(packed);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new TypeError(`${who} resources that are no object`);
  const entries = Object.entries(value);
  const unknown = entries.find(([name]) => !kinds.has(name));
  if (unknown !== undefined)
    throw new RangeError(`${who} ${unknown[0]}: no such kind of resource is known here, only ${[...kinds.keys()].join(', ')}`);
  return entries;
}

/** Reads a packed request. @throws if it is none, names an unknown kind, or a kind makes nothing of it */
export function parseRequest(kinds: Kinds, packed: Uint8Array): Request {
  const read = ([name, value]: [string, unknown]) => [name, kinds.get(name)?.request(value, `resources.${name}`)] as const;
  return new Map(opened(kinds, packed, 'the job asks for').map(read));
}

/** Reads a packed offer. @throws like `parseRequest` */
export function parseOffer(kinds: Kinds, packed: Uint8Array, nowMs: number): Pools {
  const pools = new Map<string, unknown>();
  for (const [name, kind] of kinds) if (kind.unoffered !== undefined) pools.set(name, kind.unoffered);
  for (const [name, value] of opened(kinds, packed, 'the worker offers'))
    pools.set(name, kinds.get(name)?.offer(value, `resources.${name}`, nowMs));
  return pools;
}

/** Takes all that is asked for, or nothing (undefined). */
export function take(kinds: Kinds, pools: Pools, request: Request, nowMs: number): { pools: Pools; shares: Shares } | undefined {
  const left = new Map(pools);
  const shares = new Map<string, unknown>();
  for (const [name, wanted] of request) {
    if (!left.has(name)) return undefined;
    const taken = kinds.get(name)?.take(left.get(name), wanted, nowMs);
    if (taken === undefined) return undefined;
    left.set(name, taken.pool);
    shares.set(name, taken.share);
  }
  return { pools: left, shares };
}

export function giveBack(kinds: Kinds, pools: Pools, shares: Shares): Pools {
  const left = new Map(pools);
  for (const [name, share] of shares) left.set(name, kinds.get(name)?.giveBack(left.get(name), share));
  return left;
}

/** What a job sees of what it was given. */
export function shownShares(kinds: Kinds, shares: Shares): Record<string, unknown> {
  return Object.fromEntries([...shares].map(([name, share]) => [name, kinds.get(name)?.show(share)]));
}
