/** What functions may give back, and how what they threw is told. Pure. */
import { shown } from '../common/check.ts';

export interface Thenable {
  then(fulfilled: (value: unknown) => unknown, rejected: (reason: unknown) => unknown): unknown;
}

/** Results that come one by one: what a generator function gives back. */
export interface Steps {
  next(): unknown;
  return?(): unknown;
}

export const EXPECTED = 'a Uint8Array, a string, nothing, a promise of these, or a generator of bytes';

export function isThenable(value: unknown): value is Thenable {
  return value !== null && typeof value === 'object' && 'then' in value && typeof value.then === 'function';
}

/** A generator, or what behaves like one. Arrays and other collections are not meant: they would be taken for one result as easily. */
export function isSteps(value: unknown): value is Steps {
  if (value === null || typeof value !== 'object' || !('next' in value) || typeof value.next !== 'function') return false;
  return Symbol.iterator in value || Symbol.asyncIterator in value;
}

/** What is told of something thrown. Whatever it is, telling it does not throw. */
export function told(thrown: unknown): { message: string; stack: string } {
  try {
    if (!(thrown instanceof Error)) return { message: `threw ${shown(thrown)}`, stack: '' };
    // Users may have put anything there.
    const { message, name, stack } = thrown as { message: unknown; name: unknown; stack?: unknown };
    return { message: String(message) || String(name), stack: String(stack ?? '') };
  } catch {
    return { message: 'threw something that cannot be shown', stack: '' };
  }
}
