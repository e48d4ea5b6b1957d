/** Waiting at the end, for engines that may be gone. */
import { setTimeout as pause } from 'node:timers/promises';

const END_MS = 1_000;

/** An engine that is gone does not answer: it is not waited for longer than this. Never rejects. */
export async function inTime(ending: Promise<unknown>): Promise<void> {
  const abort = new AbortController();
  const late = pause(END_MS, undefined, { signal: abort.signal }).catch(() => undefined);
  await Promise.race([ending.catch(() => undefined), late]);
  abort.abort();
}
