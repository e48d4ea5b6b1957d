/**
 * A channel that is heard from the moment on in which somebody wants it, and after each break again. If Redis refuses that, it is asked until
 * its connections are closed: somebody may mend it.
 */
import type { Redis } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connections } from './connections.ts';

/** How often Redis is asked for what it refuses. */
const AGAIN_MS = 500;

export interface SubscriptionHandlers {
  readonly message: (message: Buffer) => void;
  /** It is heard from now on, but what was said before was not. */
  readonly heard: () => void;
}

export class Subscription {
  readonly #connections: Connections;
  readonly #redis: Redis;
  readonly #channel: string;
  readonly #handlers: SubscriptionHandlers;
  #isWanted = false;
  #isHeard = false;
  #isAsking = false;
  #breaks = 0;
  #waiting: (() => void)[] = [];

  constructor(connections: Connections, channel: string, handlers: SubscriptionHandlers) {
    this.#connections = connections;
    this.#channel = channel;
    this.#handlers = handlers;
    this.#redis = connections.open();
    this.#redis.on('messageBuffer', (_channel: Buffer, message: Buffer) => handlers.message(message));
    this.#redis.on('close', () => this.#broke());
  }

  /** Resolves when it is heard; never, if its connections are closed before. */
  async wanted(): Promise<void> {
    this.#isWanted = true;
    if (this.#isHeard) return;
    void this.#ask();
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  #broke(): void {
    this.#breaks += 1;
    this.#isHeard = false;
    if (this.#isWanted) void this.#ask();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    while (!this.#isHeard && !this.#connections.closed) {
      const breaks = this.#breaks;
      try {
        await this.#redis.subscribe(this.#channel);
        this.#isHeard = breaks === this.#breaks;
      } catch (error) {
        this.#connections.troubles.hear(error as Error);
        await pause(AGAIN_MS, undefined, { ref: false });
      }
    }
    this.#isAsking = false;
    if (!this.#isHeard) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
    this.#handlers.heard();
  }
}
