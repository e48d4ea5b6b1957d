/**
 * How long parts hold a slot of one worker, and what follows from it: how many it should have ahead, and when one that runs is late.
 *
 * Two numbers are kept. The mean says how much work so many parts are. What is typical forgets the few that take very long: where nine of
 * ten take 1 ms and one takes 50, some should wait behind each of the nine (else the worker idles for a round trip after each), and
 * what then stands behind the tenth is taken back when others could begin it sooner.
 */

/**
 * Work that a worker may have ahead: what ends there, is told, and is answered by more parts, takes up to some milliseconds on a busy
 * machine. Where parts typically take longer than SLOW_MICROS, none.
 */
const AHEAD_MICROS = 3_000;
const SLOW_MICROS = 5_000;
const MAX_AHEAD = 512;
/** A sample counts for no more than so many times what was typical. */
const MOST = 2;
/** Reports that may all be of parts that take very long: of so few the quickest is typical. */
const FIRST_REPORTS = 4;
/** Below this a part is not worth being looked after by itself. */
const QUICK_MICROS = 250;
/** A part is late at the soonest, and at the latest, after so long. */
const PATIENCE_MS = { least: 1, most: 5 } as const;

export class ServiceTime {
  /** In microseconds; -1: not known yet. */
  #mean = -1;
  #typical = -1;
  #reports = 0;

  /** So many parts ended, which held slots for so long in all. */
  took(micros: number, parts: number): void {
    const sample = micros / parts;
    const weight = Math.min(1, 0.25 + parts / 16);
    const first = this.#mean < 0;
    this.#mean = first ? sample : this.#mean + (sample - this.#mean) * weight;
    const most = Math.max(1, this.#typical) * MOST;
    const isTypical = first || (this.#reports < FIRST_REPORTS && sample < this.#typical);
    this.#reports += 1;
    this.#typical = isTypical ? sample : this.#typical + (Math.min(sample, most) - this.#typical) * weight;
  }

  /** The mean time of a part in microseconds; -1: not known yet. */
  get meanMicros(): number {
    return this.#mean;
  }

  /** How many parts a worker should have beyond those that run. */
  get ahead(): number {
    if (this.#typical < 0 || this.isSlow) return 0;
    return Math.min(MAX_AHEAD, Math.max(1, Math.ceil(AHEAD_MICROS / Math.max(1, this.#typical))));
  }

  /** Whether none should wait behind those that run. */
  get isSlow(): boolean {
    return this.#typical > SLOW_MICROS;
  }

  /** After how many milliseconds without an end what runs is late, so that what waits behind it should not. */
  get patienceMs(): number {
    if (this.#typical < QUICK_MICROS) return PATIENCE_MS.most;
    return Math.max(PATIENCE_MS.least, Math.min(PATIENCE_MS.most, (this.#typical * MOST) / 1_000));
  }
}

/** The same of parts of one shape, by its id; and how many of them are placed there. */
export class ShapeLoad extends ServiceTime {
  readonly shape: number;
  placed = 0;

  constructor(shape: number) {
    super();
    this.shape = shape;
  }

  /** Whether those beyond so many, which run, are more work than that. */
  exceeds(running: number, ms: number): boolean {
    return ((this.placed - running) * this.meanMicros) / 1_000 > ms * running;
  }
}
