/**
 * Dials a master at the first of several addresses that answers. When that one is gone, and has not come back within PATIENCE_MS, the
 * next is tried, in turn and for ever. With one address it is a plain DEALER.
 *
 * Peers must end at the same master, or clients wait at one for workers that serve another: it is enough that a master is started again
 * while some have already left it. So whoever is not at the first address looks out for those before his own, and goes there as soon as one has
 * stood for PATIENCE_MS: with the same list, all find together at the first that is there.
 */
import type { DialHandlers, DialSocket, Frames, Transport } from './transport.ts';

/** How long a master may be gone before the next is tried, and how long one must stand before anybody goes back to it. */
const PATIENCE_MS = 1_000;
/** Sockets that may still be closing. */
const MAX_CLOSING = 100;

/** Looks whether a master stands at an address, and says nothing to it. */
class Lookout {
  readonly #socket: DialSocket;
  #timer: NodeJS.Timeout | undefined;

  constructor(transport: Transport, address: string, stands: () => void) {
    this.#socket = transport.dialDealer(address, {
      connected: () => {
        this.#timer = setTimeout(stands, PATIENCE_MS);
      },
      disconnected: () => clearTimeout(this.#timer),
      message: () => undefined,
    });
  }

  close(): Promise<void> {
    clearTimeout(this.#timer);
    return this.#socket.close(0);
  }
}

export class MasterDial implements DialSocket {
  readonly #transport: Transport;
  readonly #addresses: readonly [string, ...string[]];
  readonly #handlers: DialHandlers;
  readonly #closing: Promise<void>[] = [];
  #at = 0;
  /** How often another was dialled: what an earlier socket still says is not heard. */
  #turn = 0;
  #socket: DialSocket;
  #timer: NodeJS.Timeout | undefined;
  #lookouts: Lookout[] = [];

  constructor(transport: Transport, addresses: readonly [string, ...string[]], handlers: DialHandlers) {
    this.#transport = transport;
    this.#addresses = addresses;
    this.#handlers = handlers;
    this.#socket = this.#dial();
  }

  /** The address that is dialled now. */
  get address(): string {
    return this.#addresses[this.#at] as string;
  }

  send(frames: Frames): void {
    this.#socket.send(frames);
  }

  async close(lingerMs: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#lookIn();
    await Promise.all([...this.#closing, this.#socket.close(lingerMs)]);
  }

  #dial(): DialSocket {
    const turn = this.#turn;
    const handlers = this.#handlers;
    this.#wait();
    return this.#transport.dialDealer(this.address, {
      connected: () => {
        if (turn !== this.#turn) return;
        clearTimeout(this.#timer);
        this.#lookOut();
        handlers.connected();
      },
      disconnected: () => {
        if (turn !== this.#turn) return;
        this.#wait();
        this.#lookIn();
        handlers.disconnected();
      },
      message: (frames) => {
        if (turn === this.#turn) handlers.message(frames);
      },
      rejected: (what) => {
        if (turn === this.#turn) handlers.rejected?.(what);
      },
    });
  }

  #wait(): void {
    if (this.#addresses.length === 1) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#goTo((this.#at + 1) % this.#addresses.length), PATIENCE_MS);
  }

  #goTo(at: number): void {
    this.#turn += 1;
    this.#at = at;
    this.#close(this.#socket.close(0));
    this.#socket = this.#dial();
  }

  #close(closing: Promise<void>): void {
    this.#closing.push(closing);
    if (this.#closing.length > MAX_CLOSING) void this.#closing.shift();
  }

  #lookOut(): void {
    this.#lookouts = this.#addresses.slice(0, this.#at).map(
      (address, at) =>
        new Lookout(this.#transport, address, () => {
          this.#lookIn();
          this.#handlers.disconnected();
          this.#goTo(at);
        }),
    );
  }

  #lookIn(): void {
    for (const lookout of this.#lookouts) this.#close(lookout.close());
    this.#lookouts = [];
  }
}
