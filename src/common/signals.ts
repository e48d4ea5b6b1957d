/** Signal handling for programs that asked for it: SIGINT and SIGTERM stop a role in order. Nothing is installed otherwise. */
import { setMaxListeners } from 'node:events';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** What is to be stopped: one handler serves all roles of a process, however many they are. */
const stops = new Set<() => void>();
const handler = (): void => {
  for (const stop of Array.from(stops)) stop();
};

/** Calls `stop` at the first signal. Returns a function that takes the handlers away. */
export function onSignals(stop: () => void): () => void {
  const own = (): void => stop();
  if (stops.size === 0) for (const signal of SIGNALS) process.on(signal, handler);
  stops.add(own);
  return () => {
    stops.delete(own);
    if (stops.size === 0) for (const signal of SIGNALS) process.off(signal, handler);
  };
}

/** A signal that as many calls and jobs may share as there are: Node takes more than ten listeners for a leak, and would say so. */
export function shared<S extends AbortSignal | undefined>(signal: S): S {
  if (signal !== undefined) setMaxListeners(0, signal);
  return signal;
}

/** What a promise comes to, unless the signal is aborted first: then it rejects with its reason, and nobody waits for the promise any more. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  return await new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
