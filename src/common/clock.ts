/** The clocks of the shells. Pure rooms are given the time. */

import { builtin } from './builtin.ts';

const { performance } = builtin('perf_hooks');

/** Milliseconds that never go back, with fractions. */
export function now(): number {
  return performance.now();
}

/** A wake-up that can be moved; unlike a bare timer it costs nothing when the time stays the same. */
export class WakeUp {
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | undefined;
  #at = Infinity;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Wakes at `atMs` of `now()`; Infinity: not at all. */
  set(atMs: number): void {
    if (atMs === this.#at) return;
    this.#at = atMs;
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    if (atMs === Infinity) return;
    this.#sleep();
  }

  /** Timers of Node end up to a millisecond before `now()` says so, and take at most 2^31 - 1 ms: then it sleeps on. */
  #sleep(): void {
    const fire = (): void => {
      this.#timer = undefined;
      if (now() < this.#at) return this.#sleep();
      this.#at = Infinity;
      this.#wake();
    };
    this.#timer = setTimeout(fire, Math.min(Math.max(0, Math.ceil(this.#at - now())), 2 ** 31 - 1));
  }
}

const END_MS = 1_000;

/** Resolves when something has ended, well or badly, and after a second at the latest: it may never. Never rejects. */
export async function inTime(ending: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, END_MS)));
  await Promise.race([ending.catch(() => undefined), late]);
  clearTimeout(timer);
}
