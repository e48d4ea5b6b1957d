/** How a part that failed may be tried again: as often as was asked for, and not before its delay. What master/retrying.ts must keep. */
import type { Kernel } from './kernel.ts';
import type { Plans } from './plans.ts';

const MIN_MS = 100;
/** The least share of a delay that is no jitter. */
const LEAST = 0.5;
/** What sums of floating numbers may lose, in ms. */
const NOTHING_MS = 0.0001;

interface Failing {
  count: number;
  /** When it failed; undefined: it has been given away since. */
  atMs: number | undefined;
  /** The session of the worker where it did. */
  by: number;
}

export class RetryLaw {
  readonly #kernel: Kernel;
  readonly #plans: Plans;
  /** By key. */
  readonly #failing = new Map<number, Failing>();
  readonly #given = new Map<number, number>();

  constructor(kernel: Kernel, plans: Plans) {
    this.#kernel = kernel;
    this.#plans = plans;
  }

  /** The worker that has a part says that it failed. */
  failed(key: number, attempt: number, by: number): void {
    if (attempt < (this.#given.get(key) ?? 0)) return;
    const failing = this.#failing.get(key) ?? { count: 0, atMs: undefined, by };
    failing.count += 1;
    failing.atMs = this.#kernel.nowMs;
    failing.by = by;
    this.#failing.set(key, failing);
  }

  /**
   * A part is given away. Where a worker is told in the same breath to drop it (`dropped`), it had been taken from there before it was read
   * that it failed: an old attempt did, which counts for nothing.
   */
  given(key: number, attempt: number, id: string, job: number, dropped: (session: number) => boolean): void {
    const stream = this.#plans.stream(id);
    if (stream === undefined) return;
    this.#given.set(key, attempt);
    const failing = this.#failing.get(key);
    if (failing?.atMs === undefined) return;
    const { attempts, minMs = MIN_MS } = this.#plans.rules(id, stream.spec, job).retries;
    const waitedMs = this.#kernel.nowMs - failing.atMs;
    failing.atMs = undefined;
    if (dropped(failing.by)) {
      failing.count -= 1;
      return;
    }
    if (failing.count > attempts)
      this.#kernel.blame(`job ${id}/${job} failed ${failing.count} times and is tried again; ${attempts} retries were asked for`);
    if (waitedMs < minMs * LEAST - NOTHING_MS)
      this.#kernel.blame(`job ${id}/${job} is tried again after ${waitedMs.toFixed(1)} ms; its shortest delay is ${minMs} ms`);
  }
}
