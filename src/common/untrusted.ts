/** What is done with users' values without trusting that they are what they look like: nothing here throws. */
import { types } from 'node:util';

/** A Uint8Array of this realm, and no Proxy of one. */
export function isBytes(value: unknown): value is Uint8Array {
  return types.isUint8Array(value) && value instanceof Uint8Array;
}

/** Of a promise that nobody will wait for: what it rejects with is heard, where it would end the process. Anything else is left alone. */
export function abandon(value: unknown): void {
  if (types.isPromise(value)) follow(value, nothing, nothing);
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

function nothing(): void {}
