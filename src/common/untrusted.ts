/** What is done with users' values without trusting that they are what they look like: nothing here throws. */
import { builtin } from './builtin.ts';

const { types } = builtin('util');

/** Of a promise that nobody will wait for: what it rejects with is heard, where it would end the process. Anything else is left alone. */
export function abandon(value: unknown): void {
  try {
    if (types.isPromise(value)) void Promise.prototype.then.call(value, undefined, () => undefined);
  } catch {
    // Nothing can be heard of it.
  }
}

/** Goes on with what something that can be awaited ends in, later. */
export function follow(value: unknown, fulfilled: (value: unknown) => void, rejected: (error: unknown) => void): void {
  try {
    void Promise.prototype.then.call(Promise.resolve(value), fulfilled, rejected);
  } catch (error) {
    // A promise whose constructor is a getter, say.
    queueMicrotask(() => rejected(error));
  }
}
