/**
 * The one reader of a socket. `receive` ends at once while messages are there; after 512 operations in a row zeromq.js itself gives
 * the event loop a turn.
 *
 * Behind a message that came alone, to an empty socket, the socket is looked at again behind the promises and ticks that the message led to
 * (common/tick.ts): to find nothing takes a fifth of the time in which it could have been answered. But a worker that begins a part is to know
 * whether it was taken back: so only if the socket was found empty not longer than a millisecond before.
 *
 * Nobody else may ask a socket with a reader whether it is readable or writable: asking takes the wake-up that a waiting `receive`
 * is meant to get. `dry()` answers that question without touching the socket.
 */

import { now } from '../common/clock.ts';
import type { Frames } from './transport.ts';

/** What the reader needs of a ZeroMQ socket. */
interface ReadableSocket {
  receive(): Promise<Buffer[]>;
}

/** What was found empty is taken for empty so long. */
const FRESH_MS = 1;

const settled = Promise.resolve();

/** `dry()` waits this long for a reader that is never idle. */
const MAX_TURNS = 200;

/** Resolves after the event loop has polled for I/O. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Lets a handler's exception be seen as what it is, uncaught, without making the socket deaf. */
export function raise(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

export class Receiver {
  readonly #socket: ReadableSocket;
  readonly #deliver: (frames: Frames) => void;
  #delivered = 0;
  #askedAtMs = 0;
  /** Microtasks that stand behind what was given at once, if anything was: one for each time that was asked. */
  #marks = 0;
  #stopped = false;

  constructor(socket: ReadableSocket, deliver: (frames: Frames) => void) {
    this.#socket = socket;
    this.#deliver = deliver;
  }

  /** From the next turn on: whoever made the socket holds it by then. */
  start(): void {
    setImmediate(this.#ask);
  }

  /** To be called before the socket is closed: nothing is delivered any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when all that had come before the call has been delivered. */
  async dry(): Promise<void> {
    // What came before is known to the socket only after a poll, and the poll of this turn may be half done: hence two idle turns.
    for (let turns = 0, idle = 0; idle < 2 && turns < MAX_TURNS && !this.#stopped; turns += 1) {
      const before = this.#delivered;
      await turn();
      idle = this.#delivered === before ? idle + 1 : 0;
    }
  }

  readonly #ask = (): void => {
    if (this.#stopped) return;
    this.#askedAtMs = now();
    try {
      this.#socket.receive().then(this.#got, this.#failed);
    } catch (error) {
      return this.#failed(error);
    }
    this.#marks += 1;
    void settled.then(this.#passed);
  };

  readonly #passed = (): void => {
    this.#marks -= 1;
  };

  readonly #got = (frames: Frames): void => {
    if (this.#stopped) return;
    this.#delivered += 1;
    // The clock would not tell: what lies there is given at once (but for turns after 512), and behind promises that may take long.
    const foundEmpty = this.#marks === 0;
    const cameAlone = foundEmpty && now() - this.#askedAtMs < FRESH_MS;
    try {
      this.#deliver(frames);
    } catch (error) {
      raise(error);
    }
    if (cameAlone) process.nextTick(this.#ask);
    else this.#ask();
  };

  /** Closing a socket rejects its pending receive: that is the end, not an error. */
  readonly #failed = (error: unknown): void => {
    if (!this.#stopped) raise(error);
  };
}
