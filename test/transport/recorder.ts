/** Handlers that write down what they hear, and can be waited for. */

import type { DialHandlers, Frames, PullHandlers, PushHandlers, RejectedPeer, RouterHandlers } from '../../src/transport/transport.ts';

export class Recorder {
  /** Everything in the order of hearing, in words. */
  readonly heard: string[] = [];
  readonly messages: Frames[] = [];
  /** Of a router: who sent each message, and who was lost. */
  readonly senders: number[] = [];
  readonly lost: number[] = [];
  readonly rejected: RejectedPeer[] = [];
  peers = 0;
  strangers = 0;
  /** How often a dialled socket was connected and disconnected, a push socket disconnected. */
  ups = 0;
  downs = 0;
  onMessage: ((connection: number, frames: Frames) => void) | undefined;
  readonly #waiting = new Set<() => void>();

  readonly router: RouterHandlers = {
    message: (connection, frames) => this.#message(connection, frames),
    lost: (connection) => {
      this.lost.push(connection);
      this.#note(`lost ${connection}`);
    },
    rejected: (what) => this.#rejection(what),
  };

  readonly pull: PullHandlers = {
    message: (frames) => this.#message(0, frames),
    rejected: (what) => this.#rejection(what),
  };

  readonly push: PushHandlers = {
    peers: (count, strangers) => {
      this.peers = count;
      this.strangers = strangers;
      this.#note(`peers ${count}`);
    },
    disconnected: () => {
      this.downs += 1;
      this.#note('disconnected');
    },
    rejected: (what) => this.#rejection(what),
  };

  readonly dial: DialHandlers = {
    connected: () => {
      this.ups += 1;
      this.#note('connected');
    },
    disconnected: () => {
      this.downs += 1;
      this.#note('disconnected');
    },
    message: (frames) => this.#message(0, frames),
    rejected: (what) => this.#rejection(what),
  };

  get texts(): string[] {
    return this.messages.map((frames) => frames.map((frame) => Buffer.from(frame).toString()).join('|'));
  }

  /** Resolves when the predicate holds; it is asked after everything heard. */
  until(predicate: (recorder: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!predicate(this)) return;
        this.#waiting.delete(ask);
        resolve();
      };
      this.#waiting.add(ask);
      ask();
    });
  }

  #message(connection: number, frames: Frames): void {
    this.senders.push(connection);
    this.messages.push(frames);
    this.onMessage?.(connection, frames);
    this.#note('message');
  }

  #rejection(what: RejectedPeer): void {
    this.rejected.push(what);
    this.#note('rejected');
  }

  #note(what: string): void {
    this.heard.push(what);
    for (const ask of this.#waiting) ask();
  }
}

export const text = (...parts: string[]): Frames => parts.map((part) => Buffer.from(part));

/** A turn of the event loop. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });
