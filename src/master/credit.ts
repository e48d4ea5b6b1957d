/**
 * Who may report how many results of a stream. The consumer grants; what is placed reserves; what is delivered uses up.
 *
 * Laws:
 * - delivered + reserved ≤ granted, but for one item that passes an empty window whatever its size.
 * - In an ordered stream half of the window is for the oldest open part alone, since the consumer can hand on nothing before that.
 * - While a part waits for credit, no further part of its stream is placed: else small results would starve a large one.
 */
import type { Stream } from './books.ts';
import type { Core } from './core.ts';

/** Results on their way through the user's gather, for each stream: they use no credit of the consumer until their job is whole. */
const GATHER_WINDOW = 1_024;
const GATHER_BYTES = 16_777_216;
const MIN_ALLOWANCE = 4_096;
const MAX_CHUNK = 256;

function unitsLeft(core: Core, stream: Stream): number {
  if (!core.config.gather) return stream.results - stream.delivered - stream.reserved;
  return stream.blocked ? 0 : GATHER_WINDOW - stream.reserved - stream.toGather.length - stream.whole.length;
}

/** What the parts of an ordered stream must leave to the oldest. */
function keptForOldest(core: Core, stream: Stream): number {
  if (!stream.ordered) return 0;
  return Math.max(1, Math.floor((core.config.gather ? GATHER_WINDOW : stream.windowResults) / 2));
}

function bytesLeft(core: Core, stream: Stream): number {
  if (!core.config.gather) return stream.resultBytes - stream.deliveredBytes - stream.reservedBytes;
  return GATHER_BYTES - stream.reservedBytes;
}

/** Whether nothing that was granted or delivered fills the window, but what waits itself. */
function windowIsEmpty(core: Core, stream: Stream): boolean {
  let own = 0;
  for (const key of stream.hungry.keys()) {
    const row = core.parts.find(key);
    if (row >= 0) own += core.parts.grantBytes[row] as number;
  }
  if (stream.reservedBytes > own) return false;
  return core.config.gather || stream.resultBytes - stream.deliveredBytes >= stream.windowResultBytes / 2;
}

/** Whether a part may be placed: its first result will have credit. `row` -1 asks for any part but the oldest. */
export function mayPlace(core: Core, stream: Stream, row: number): boolean {
  const units = unitsLeft(core, stream);
  if (stream.ordered && row >= 0 && row === stream.parts.head) return units > 0 || (core.config.gather && !stream.blocked);
  if (units <= keptForOldest(core, stream) || stream.hungry.size > 0) return false;
  return bytesLeft(core, stream) >= stream.allowance || windowIsEmpty(core, stream);
}

/** Reserves the credit for a part's first result, as it is placed. */
export function reserve(core: Core, stream: Stream, row: number): void {
  addGrant(core, stream, row, 1, stream.allowance);
}

function addGrant(core: Core, stream: Stream, row: number, results: number, bytes: number): void {
  const { parts } = core;
  parts.grant[row] = (parts.grant[row] as number) + results;
  parts.grantBytes[row] = (parts.grantBytes[row] as number) + bytes;
  stream.reserved += results;
  stream.reservedBytes += bytes;
}

/** A result has come: what was reserved for it becomes what it is. Returns false if the worker had no grant for it. */
export function useGrant(core: Core, stream: Stream, row: number, bytes: number): boolean {
  const { parts } = core;
  if ((parts.grant[row] as number) < 1 || (parts.grantBytes[row] as number) < bytes) return false;
  addGrant(core, stream, row, -1, -bytes);
  while (stream.allowance < bytes) stream.allowance *= 2;
  return true;
}

/** The part ended or goes elsewhere: what is reserved for it is free again. */
export function returnGrant(core: Core, stream: Stream, row: number): void {
  const { parts } = core;
  addGrant(core, stream, row, -(parts.grant[row] as number), -(parts.grantBytes[row] as number));
}

interface Answer {
  readonly results: number;
  readonly bytes: number;
}

/**
 * How many more results, and how many more bytes, a part that waits may have now; or what it must wait for. One that has enough by our
 * books has less by its worker's (of an attempt that was taken back, and is its own after all): then the worker is right.
 */
function answer(core: Core, stream: Stream, row: number, need: number): Answer | 'results' | 'bytes' {
  const granted = core.parts.grantBytes[row] as number;
  const has = (core.parts.grant[row] as number) > 0 && need > granted;
  const isWrong = (core.parts.grant[row] as number) > 0 && !has;
  const first = stream.ordered && row === stream.parts.head;
  const units = unitsLeft(core, stream) - (first ? 0 : keptForOldest(core, stream));
  if (!has && units <= 0 && !(isWrong && need > 0)) return 'results';
  const missing = Math.max(0, need - (isWrong ? 0 : granted));
  const free = bytesLeft(core, stream);
  if (missing > free && !first && !windowIsEmpty(core, stream)) return 'bytes';
  const results = has || units <= 0 ? 0 : Math.max(1, Math.min(MAX_CHUNK, Math.floor(units / 4)));
  const spare = Math.max(0, Math.min(results * stream.allowance, Math.floor((free - missing) / 4)));
  const bytes = missing > 0 ? missing + spare : Math.max(spare, results > 0 && free > 0 ? Math.min(MIN_ALLOWANCE, free) : 0);
  return { results, bytes };
}

/**
 * Answers the parts that wait, as far as credit goes: the stream's oldest first, then in the order of asking.
 * @returns what to tell: rows with how many more results and bytes each may report.
 */
export function feedHungry(core: Core, stream: Stream): { row: number; results: number; bytes: number }[] {
  const fed: { row: number; results: number; bytes: number }[] = [];
  const oldest = stream.parts.head < 0 ? -1 : (core.parts.key[stream.parts.head] as number);
  const keys = [...stream.hungry.keys()].filter((key) => key !== oldest);
  if (stream.hungry.has(oldest)) keys.unshift(oldest);
  for (const key of keys) {
    const row = core.parts.find(key);
    const grant = row < 0 ? undefined : answer(core, stream, row, stream.hungry.get(key) as number);
    if (grant === 'results' || (grant === 'bytes' && key === oldest && stream.ordered)) continue;
    // Who waits for bytes is not passed by those that need fewer.
    if (grant === 'bytes') break;
    stream.hungry.delete(key);
    if (grant === undefined) continue;
    addGrant(core, stream, row, grant.results, grant.bytes);
    fed.push({ row, results: grant.results, bytes: grant.bytes });
  }
  return fed;
}
