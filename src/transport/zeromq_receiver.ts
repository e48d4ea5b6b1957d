/**
 * The one reader of a socket. `receive` ends at once while messages are there; after 512 of them zeromq.js itself gives the
 * event loop a turn.
 *
 * Behind a message that came alone the socket is looked at when its tick has ended (common/tick.ts): to find that nothing else is there takes a
 * fifth of the time in which it could have been answered. But a worker that begins a part is to know whether it was taken back meanwhile: so
 * only if the socket was found empty a moment ago.
 *
 * Nobody else may ask a socket with a reader whether it is readable or writable: asking takes the wake-up that a waiting `receive`
 * is meant to get. `dry()` answers that question without touching the socket.
 */

import { now } from '../common/clock.ts';
import { QUIET_MS } from '../common/tick.ts';
import type { Frames } from './transport.ts';

/** What the reader needs of a ZeroMQ socket. */
interface ReadableSocket {
  receive(): Promise<Buffer[]>;
}

/** What was found empty is taken for empty so long. */
const FRESH_MS = 1;

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
    this.#socket.receive().then(this.#got, this.#failed);
  };

  readonly #got = (frames: Frames): void => {
    if (this.#stopped) return;
    this.#delivered += 1;
    const waitedMs = now() - this.#askedAtMs;
    try {
      this.#deliver(frames);
    } catch (error) {
      raise(error);
    }
    if (waitedMs >= QUIET_MS && waitedMs < FRESH_MS) process.nextTick(this.#ask);
    else this.#ask();
  };

  /** Closing a socket rejects its pending receive: that is the end, not an error. */
  readonly #failed = (error: unknown): void => {
    if (!this.#stopped) raise(error);
  };
}
