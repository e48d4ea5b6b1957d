import { types } from 'node:util';

/** Of a promise that nobody will wait for: what it rejects with is heard, where it would end the process. Anything else is left alone. */
export function abandon(value: unknown): void {
  if (types.isPromise(value)) value.then(undefined, () => undefined);
}
