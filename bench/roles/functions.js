// @ts-check
/** The functions that workers of all systems run. */
import { setTimeout as wait } from 'node:timers/promises';
import { pair, unpair } from './payloads.js';

/** @template {Uint8Array} T @param {T} message @returns {T} */
export function noop(message) {
  return message;
}

/** Sleeps as it is told, and answers how long that was in truth. @param {Uint8Array} message */
export async function sleep(message) {
  const since = performance.now();
  const [index, ms] = unpair(message);
  await wait(ms);
  return pair(index, performance.now() - since);
}
