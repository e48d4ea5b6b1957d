/**
 * Attempts after a function threw, for those who asked for it. A part that is to be tried again waits out its delay, then goes first in
 * its queue. The delay grows by a factor up to a maximum; a part of it is jitter, seeded by the part, so that a history replays.
 */
import { backoffMs } from '../common/backoff.ts';
import { fieldValue, type Fields } from '../protocol/fields.ts';
import { JOB_ERROR_CODES, type WireErrorCode } from '../protocol/remote_error.ts';
import type { ShapeBook } from './books.ts';
import { PART, type RetryRule } from './parts.ts';
import type { Core } from './core.ts';
import { setAside } from './placing.ts';
import { enqueue } from './queueing.ts';

const DEFAULT_ON: readonly WireErrorCode[] = ['function-threw'];
const MAX_RETRIES = 1_000;
const MAX_DELAY_MS = 86_400_000;

/** Reads the field `retries`: `{ attempts, minMs, maxMs, factor, on }`; what is missing or makes no sense has its default. */
export function retryRule(fields: Fields): RetryRule | undefined {
  const value = fields.length === 0 ? undefined : fieldValue(fields, 'retries');
  if (value === null || typeof value !== 'object') return undefined;
  const given = value as Partial<Record<keyof RetryRule, unknown>>;
  const number = (name: keyof RetryRule, min: number, max: number): number | undefined => {
    const found = given[name];
    return typeof found === 'number' && found >= min ? Math.min(found, max) : undefined;
  };
  const attempts = Math.floor(number('attempts', 0, MAX_RETRIES) ?? 0);
  if (attempts === 0) return undefined;
  const on = Array.isArray(given.on) ? JOB_ERROR_CODES.filter((code) => (given.on as unknown[]).includes(code)) : DEFAULT_ON;
  return {
    attempts,
    on,
    minMs: number('minMs', 0, MAX_DELAY_MS),
    maxMs: number('maxMs', 0, MAX_DELAY_MS),
    factor: number('factor', 1, 100),
  };
}

/** From 0 to 1, the same for the same part and attempt of the same epoch. (An integer hash after Chris Wellons' lowbias32.) */
function jitter(epoch: string, key: number, attempt: number): number {
  let hash = (Number.parseInt(epoch.slice(0, 8), 16) ^ (key % 4_294_967_296) ^ Math.imul(attempt, 0x9e3779b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x21f0aaad);
  hash = Math.imul(hash ^ (hash >>> 15), 0x735a2d97);
  return ((hash ^ (hash >>> 15)) >>> 0) / 4_294_967_296;
}

/** Whether a part that failed so, at the worker that has it, is tried again; if so it waits, and nothing is said to the consumer. */
export function tryAgain(core: Core, row: number, code: WireErrorCode): boolean {
  const { parts } = core;
  const rule = parts.retry(row);
  const failures = (parts.failures[row] as number) + 1;
  if (rule === undefined || !rule.on.includes(code) || failures > rule.attempts) return false;
  parts.failures[row] = failures;
  const key = parts.key[row] as number;
  const delay = backoffMs(rule, failures, jitter(core.config.epoch, key, failures));
  setAside(core, row);
  (core.shapes[parts.shape[row] as number] as ShapeBook).waiting += 1;
  const waits = { key, atMs: core.now + delay, place: -1 };
  core.delayed.set(key, waits);
  core.delays.update(waits);
  core.timers.set('retry', (core.delays.top ?? waits).atMs);
  return true;
}

/** Parts whose delay is over are queued again. */
export function retryDue(core: Core): void {
  for (let next = core.delays.top; next !== undefined && next.atMs <= core.now; next = core.delays.top) {
    core.delays.remove(next);
    core.delayed.delete(next.key);
    const row = core.parts.find(next.key);
    if (row < 0 || core.parts.state[row] !== PART.queued) continue;
    (core.shapes[core.parts.shape[row] as number] as ShapeBook).waiting -= 1;
    enqueue(core, row, true);
  }
  const next = core.delays.top;
  if (next !== undefined) core.timers.set('retry', next.atMs);
}
