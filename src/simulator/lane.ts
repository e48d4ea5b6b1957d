/** One direction of a connection: what is sent arrives in its order, after a while, until the connection is cut. */
import type { Host, Inbox } from './host.ts';
import type { Kernel } from './kernel.ts';

interface Sent {
  readonly atMs: number;
  readonly act: () => void;
  /** The socket knows, before its process has read it. */
  readonly arrives: () => void;
}

/** One direction of a connection. */
export class Lane {
  readonly #kernel: Kernel;
  readonly #to: Host;
  readonly #inbox: Inbox;
  #flight: Sent[] = [];
  /** What has arrived and was not read; and how much of that still can be. */
  #unread = 0;
  #readable = Infinity;
  #lastMs = 0;
  #heldUntilMs = 0;
  #open = true;

  constructor(kernel: Kernel, to: Host, inbox: Inbox) {
    this.#kernel = kernel;
    this.#to = to;
    this.#inbox = inbox;
  }

  get size(): number {
    return this.#flight.length + this.#unread;
  }

  get unread(): number {
    return this.#unread;
  }

  send(act: () => void): void {
    if (!this.#open) return;
    const read = (): void => {
      this.#unread -= 1;
      this.#readable -= 1;
      if (this.#readable >= 0) act();
    };
    this.#send(read, latency(this.#kernel), () => {
      this.#unread += 1;
    });
  }

  #send(act: () => void, delayMs: number, arrives: () => void): void {
    this.#lastMs = Math.max(this.#lastMs, this.#heldUntilMs, this.#kernel.nowMs + delayMs);
    this.#flight.push({ atMs: this.#lastMs, act, arrives });
    this.#kernel.at(this.#lastMs, () => this.#arrive());
  }

  #arrive(): void {
    const { nowMs } = this.#kernel;
    for (let next = this.#flight[0]; next !== undefined && next.atMs <= nowMs && this.#heldUntilMs <= nowMs; next = this.#flight[0]) {
      this.#flight.shift();
      next.arrives();
      this.#to.post(this.#inbox, next.act);
    }
  }

  /** Nothing arrives before that time. */
  hold(untilMs: number): void {
    this.#heldUntilMs = Math.max(this.#heldUntilMs, untilMs);
    this.#kernel.at(this.#heldUntilMs, () => this.#arrive());
  }

  /** It ends: of what is on its way, and of what was not read, so much stays; then the other end's socket hears of it, and its process. */
  cut(flying: number, unread: number, noticeMs: number, severed: () => void, notice: () => void): void {
    if (!this.#open) return;
    this.#open = false;
    if (unread < this.#unread) {
      this.#readable = unread;
      this.#flight = [];
    }
    this.#flight.length = Math.min(flying, this.#flight.length);
    this.#heldUntilMs = 0;
    this.#lastMs = this.#flight.at(-1)?.atMs ?? 0;
    this.#send(notice, noticeMs, severed);
    this.#arrive();
  }
}

function latency({ chaotic, random, latencyMs: [from, to] }: Kernel): number {
  if (!chaotic) return from === to ? from : random.between(from, to);
  return random.chance(0.01) ? random.between(1, 15) : random.between(0.02, 0.5);
}
