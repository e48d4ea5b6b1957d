/**
 * A nap of 40 microseconds, on the spot: the core is somebody else's for so long.
 *
 * Linux wakes a sleeper up to 50 µs late, so that several can be woken together, unless a process says that its main thread wants it
 * precisely; which the first nap does. (Its timers come that much sooner, too, and what it starts from then on inherits that.) Elsewhere a nap
 * would be longer than what it is for.
 */
import { writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** Long enough for a step of somebody else. Up to 3 µs are over before Linux has begun to sleep. */
const NAP_MS = 0.04;
/** In nanoseconds; 0 would mean 50 µs again. */
const LEAST_SLACK = '1';

const nobody = new Int32Array(new SharedArrayBuffer(4));
let naps: boolean | undefined;

/** Sleeps for some 45 µs, where that can be so short; otherwise returns at once. */
export function nap(): void {
  naps ??= isMainThread && becomesPrecise();
  if (naps) Atomics.wait(nobody, 0, 0, NAP_MS);
}

/** Whether it could be asked for: on Linux, unless its /proc may not be written to, or this thread may not wait. */
function becomesPrecise(): boolean {
  try {
    Atomics.wait(nobody, 0, 0, NAP_MS);
    writeFileSync('/proc/self/timerslack_ns', LEAST_SLACK, { flag: 'r+' });
    return true;
  } catch {
    return false;
  }
}
