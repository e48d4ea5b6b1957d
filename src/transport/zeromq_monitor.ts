/**
 * Reads a socket's events one after the other. An event's handler may return a promise: later events wait for it, so what it
 * says keeps its place.
 *
 * ZeroMQ names only our own end in an event of a bound socket, so a peer's address is not known here. Within one I/O thread a
 * failed handshake's event is followed by its disconnect.
 */

import type { Event, Observer } from 'zeromq';
import { raise, turn } from './zeromq_receiver.ts';

export type OnEvent = (event: Event) => void | Promise<void>;

export class Monitor {
  /** Resolves when the socket is gone for good: its linger is over and its address free. */
  readonly ended: Promise<void>;
  readonly #observer: Observer;
  #onEvent: OnEvent | undefined;
  #start: () => void = () => {};

  /** To be made before the socket binds or connects, so that no event is missed. */
  constructor(observer: Observer) {
    this.#observer = observer;
    const started = new Promise<void>((resolve) => {
      this.#start = resolve;
    });
    this.ended = this.#run(started);
  }

  /** From the next turn on: whoever made the socket holds it by then. */
  start(onEvent: OnEvent): void {
    this.#onEvent = onEvent;
    setImmediate(this.#start);
  }

  /** To be called before the socket is closed: no event is handled any more. */
  stop(): void {
    this.#onEvent = undefined;
    this.#start();
  }

  async #run(started: Promise<void>): Promise<void> {
    await started;
    for (let taken = 1; ; taken += 1) {
      let event: Event | undefined;
      try {
        event = (await this.#observer.receive()) as Event | undefined;
      } catch {
        return;
      }
      if (event === undefined || event.type === 'end') return;
      try {
        await this.#onEvent?.(event);
      } catch (error) {
        raise(error);
      }
      if (taken % 100 === 0) await turn();
    }
  }
}

/** Why a handshake failed, in words; undefined for any other event. */
export function handshakeFailure(event: Event): string | undefined {
  switch (event.type) {
    case 'handshake:error:protocol':
      return `does not speak our protocol (${event.error.code})`;
    case 'handshake:error:auth':
      return `was not let in (status ${event.error.status})`;
    case 'handshake:error:other':
      return `went without a valid handshake (${event.error.code})`;
    default:
      return undefined;
  }
}

/** What an event of a bound socket means. */
export type Change = { rejected: string } | 'counted' | 'left' | undefined;

/**
 * Who is connected to a bound socket. A socket of a type that does not belong here is cut off without a word: its accept is followed
 * by its disconnect. Should such a disconnect be taken for a peer's, the sum of peers and strangers is right all the same.
 */
export class Census {
  peers = 0;
  strangers = 0;
  /** Failed handshakes whose disconnect is still to come. */
  #failed = 0;
  #accepted = false;

  take(event: Event): Change {
    const accepted = this.#accepted;
    this.#accepted = event.type === 'accept';
    const failure = handshakeFailure(event);
    if (failure !== undefined) {
      this.#failed += 1;
      return { rejected: failure };
    }
    if (event.type === 'accept') {
      this.strangers += 1;
      return 'counted';
    }
    if (event.type === 'handshake') {
      this.peers += 1;
      this.strangers = Math.max(0, this.strangers - 1);
      return 'counted';
    }
    if (event.type !== 'disconnect') return undefined;
    if (this.#failed > 0) {
      this.#failed -= 1;
      this.strangers -= 1;
      return 'counted';
    }
    if (this.peers === 0 || accepted) {
      this.strangers = Math.max(0, this.strangers - 1);
      return { rejected: 'is of a type that does not belong here, or left before its handshake' };
    }
    this.peers -= 1;
    return 'left';
  }
}
