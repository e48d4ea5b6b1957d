/**
 * How long functions keep the event loop to themselves, so that what has ended is told before one begins that may block it: else its
 * results would wait as long, and the master would not know which part it is that blocks. Pure.
 */

/** What a slow run counts for after each run that follows. */
const FADING = 0.98;

/** The pace of one function. */
export class Pace {
  #slowestMs = Infinity;

  /** Whether it has been seen, and none of its latest runs took so long. */
  isUnder(ms: number): boolean {
    return this.#slowestMs < ms;
  }

  ran(ms: number): void {
    this.#slowestMs = this.#slowestMs === Infinity ? ms : Math.max(ms, this.#slowestMs * FADING);
  }
}

/** The paces of all functions, by name. */
export class Paces {
  readonly #paces = new Map<string, Pace>();
  /** The one that was asked for last: mostly it is asked for again. */
  #name: string | undefined;
  #pace = new Pace();

  of(name: string): Pace {
    if (name === this.#name) return this.#pace;
    let pace = this.#paces.get(name);
    if (pace === undefined) this.#paces.set(name, (pace = new Pace()));
    this.#name = name;
    this.#pace = pace;
    return pace;
  }
}
