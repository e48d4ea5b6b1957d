/**
 * Waiting awake for an answer that comes soon. A process that sleeps is woken late: its core has gone idle, and its caches have cooled.
 * So who asked one question looks for the answer in turns of the event loop, without sleeping, but not for long.
 *
 * That pays only where answers come in time, and it is a few questions until all that take part are warm. So questions are tried in
 * rows: when half of a row is not answered in time, many are waited for asleep, and after each such row twice as many. Then slow
 * answers, or a machine with no core to spare, cost next to nothing.
 *
 * An answer that is late among others that are not is waited for a little longer. To fall asleep would not only cost this one: the scheduler
 * puts who works on answers on a core that has gone idle, and there they stand behind who is awake again for the next question.
 *
 * It may be late because who works on it stands behind who waits: the scheduler would let them wait for milliseconds. So from then on there
 * are naps.
 */
import { now } from './clock.ts';
import { nap } from './nap.ts';

/** So many times as long as an answer may take, it is waited for. */
const PATIENCE = 3;
/** Questions in a row. */
const ROW = 16;
const LEAST_REST = ROW;
const MOST_REST = 16 * ROW;

/** Which questions are worth it. Pure. @internal */
export class Worth {
  #hits = 0;
  #misses = 0;
  #rest = 0;
  #nextRest = LEAST_REST;

  /** Whether to wait awake for the answer to the next question. */
  next(): boolean {
    if (this.#rest === 0) return true;
    this.#rest -= 1;
    return false;
  }

  /** Whether an answer that was waited for came in time. */
  told(inTime: boolean): void {
    if (inTime) this.#hits += 1;
    else this.#misses += 1;
    if (this.#misses >= ROW / 2) {
      this.#rest = this.#nextRest;
      this.#nextRest = Math.min(MOST_REST, 2 * this.#nextRest);
    } else if (this.#hits + this.#misses === ROW) this.#nextRest = LEAST_REST;
    else return;
    this.#hits = 0;
    this.#misses = 0;
  }
}

/** So many times as long as the usual answer takes, it is late. */
const LATE = 2;
/** From the end of a nap to the next. */
const AWAKE_MS = 0.2;
/** How much the last answer says of the usual one. */
const NEWS = 1 / 16;

/** The clock, what runs something in the next turn, and what leaves the core to others for some microseconds. */
export interface Loop {
  now(): number;
  turn(run: () => void): void;
  nap(): void;
}

/** About a microsecond long, once V8 has compiled them; before that forty. So each turn has one more, up to all. */
const ROUNDS = 1_000;
let rounds = 0;
let sum = 0;

/**
 * A turn leaves 400 bytes of garbage behind, and takes a microsecond. With one more between two turns there is half as much to collect,
 * for which answers wait.
 */
const LOOP: Loop = {
  now,
  turn: (run) => {
    if (rounds < ROUNDS) rounds += 1;
    for (let i = 0; i < rounds; i += 1) sum = (sum + i) | 0;
    setImmediate(run);
  },
  nap,
};

export class Spin {
  readonly #limitMs: number;
  readonly #loop: Loop;
  readonly #worth = new Worth();
  #askedAtMs = 0;
  #untilMs = 0;
  #usualMs: number;
  #napAtMs = 0;
  #waiting = false;
  #turning = false;

  /** @param limitMs answers that come so soon are worth it; 0: none is */
  constructor(limitMs: number, loop = LOOP) {
    this.#limitMs = limitMs;
    this.#loop = loop;
    this.#usualMs = limitMs / LATE;
  }

  /** A question was asked, and nothing else is to be done before its answer. */
  asked(): void {
    if (this.#limitMs === 0 || this.#waiting || !this.#worth.next()) return;
    this.#askedAtMs = this.#loop.now();
    this.#untilMs = this.#askedAtMs + PATIENCE * this.#limitMs;
    this.#napAtMs = this.#askedAtMs + LATE * this.#usualMs;
    this.#waiting = true;
    if (!this.#turning) this.#turn();
  }

  /** The answer may have come. */
  answered(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    const ms = this.#loop.now() - this.#askedAtMs;
    this.#worth.told(ms <= this.#limitMs);
    this.#usualMs += (Math.min(ms, this.#limitMs) - this.#usualMs) * NEWS;
  }

  #turn(): void {
    this.#turning = true;
    this.#loop.turn(this.#look);
  }

  readonly #look = (): void => {
    this.#turning = false;
    const nowMs = this.#loop.now();
    if (nowMs >= this.#untilMs) return;
    if (this.#waiting && nowMs >= this.#napAtMs) {
      this.#loop.nap();
      this.#napAtMs = this.#loop.now() + AWAKE_MS;
    }
    this.#turn();
  };
}
