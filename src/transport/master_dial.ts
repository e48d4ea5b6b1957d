/**
 * Dials a master at the first of several addresses that answers. When that one is gone, and has not come back within PATIENCE_MS, the
 * next is tried, in turn and for ever. With one address it is a plain DEALER.
 */
import type { DialHandlers, DialSocket, Frames, Transport } from './transport.ts';

/** How long a master may be gone before the next is tried. */
const PATIENCE_MS = 1_000;

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
        handlers.connected();
      },
      disconnected: () => {
        if (turn !== this.#turn) return;
        this.#wait();
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
    this.#timer = setTimeout(() => this.#next(), PATIENCE_MS);
  }

  #next(): void {
    this.#turn += 1;
    this.#at = (this.#at + 1) % this.#addresses.length;
    this.#closing.push(this.#socket.close(0));
    if (this.#closing.length > 100) void this.#closing.shift();
    this.#socket = this.#dial();
  }
}
