/** Random moments that can be had again: `SEED=7 npx vitest run test/chaos -t 'the name of the test'`. */
import type { TestContext } from 'vitest';

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('pick: nothing to pick from');
    return list[this.between(0, list.length - 1)] as T;
  }
}

/** The randomness of one test. Its seed is printed when the test fails. */
export function random({ onTestFailed, task }: TestContext): Random {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  onTestFailed(() => console.error(`again with: SEED=${seed} npx vitest run test/chaos -t '${task.name}'`));
  return new Random(seed);
}
