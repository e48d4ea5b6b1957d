/** The three sockets that a worker or a client dials with. Each holds one connection, and makes it again when it breaks. */

import type { Dealer, Event, Pull, Push } from 'zeromq';
import { handshakeFailure, Monitor } from './zeromq_monitor.ts';
import { dialling, receiving, sending, type Settings, shut } from './zeromq_options.ts';
import { notePieces } from './frame_memory.ts';
import { zeromq } from './zeromq_package.ts';
import { Receiver, turn } from './zeromq_receiver.ts';
import type { DialHandlers, DialSocket, Frames } from './transport.ts';
import type { Unreachable } from './unreachable.ts';
import { countReceived } from './young_garbage.ts';

type Dialler = Dealer | Pull | Push;

function ignore(): void {}

class ZeromqDial implements DialSocket {
  readonly #socket: Dialler;
  readonly #out: Dealer | Push | undefined;
  readonly #address: string;
  readonly #handlers: DialHandlers;
  readonly #monitor: Monitor;
  readonly #receiver: Receiver | undefined;
  readonly #pauseMs: number;
  readonly #unreachable: Unreachable | undefined;
  #connected = false;
  #redial: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(socket: Dialler, address: string, settings: Settings, handlers: DialHandlers, unreachable?: Unreachable) {
    const { Pull, Push } = zeromq();
    this.#socket = socket;
    this.#out = socket instanceof Pull ? undefined : socket;
    this.#address = address;
    this.#handlers = handlers;
    this.#pauseMs = settings.reconnectMaxIntervalMs;
    this.#unreachable = unreachable;
    this.#monitor = new Monitor(socket.events);
    this.#receiver = socket instanceof Push ? undefined : new Receiver(socket, (frames) => this.#read(frames));
    socket.connect(address);
    this.#monitor.start((event) => this.#event(event));
    this.#receiver?.start();
  }

  send(frames: Frames): void {
    // A new connection may be there before it is told: what is sent first on it must be the answer to `connected`.
    if (this.#connected && !this.#closing) this.#out?.send(frames).catch(ignore);
  }

  close(lingerMs: number): Promise<void> {
    if (this.#closing) return this.#closing;
    clearTimeout(this.#redial);
    this.#receiver?.stop();
    this.#monitor.stop();
    this.#closing = shut(this.#socket, this.#monitor, lingerMs);
    return this.#closing;
  }

  #read(frames: Frames): void {
    // Messages and events come by different ways: a new connection's first message may overtake the news of it.
    this.#up();
    countReceived(notePieces(frames));
    if (!this.#closing) this.#handlers.message(frames);
  }

  #up(): void {
    if (this.#connected || this.#closing) return;
    this.#connected = true;
    this.#unreachable?.over(this.#address);
    this.#handlers.connected();
  }

  async #event(event: Event): Promise<void> {
    const reason = handshakeFailure(event);
    if (reason !== undefined) {
      this.#handlers.rejected?.({ peer: this.#address, reason });
    } else if (event.type === 'handshake') {
      await this.#attached();
      this.#up();
    } else if (event.type === 'disconnect') {
      await this.#receiver?.dry();
      this.#down();
      this.#expectRetry();
    } else if (event.type === 'connect:retry') {
      clearTimeout(this.#redial);
      this.#redial = undefined;
      void this.#unreachable?.look(this.#address);
    }
  }

  #down(): void {
    if (!this.#connected || this.#closing) return;
    this.#connected = false;
    this.#handlers.disconnected();
  }

  /** The socket learns of its new connection before this event; but a send right now might come before it has looked. */
  async #attached(): Promise<void> {
    if (this.#receiver === undefined) void this.#out?.writable;
    else {
      await turn();
      await turn();
    }
  }

  /** After bytes that break the protocol, or a frame too large, libzmq gives the address up for ever. Then dial anew. */
  #expectRetry(): void {
    if (this.#closing) return;
    clearTimeout(this.#redial);
    this.#redial = setTimeout(() => void this.#dialAnew(), this.#pauseMs);
  }

  async #dialAnew(): Promise<void> {
    // If the event loop was blocked, the news of a retry is there but not read yet.
    await turn();
    await turn();
    if (this.#redial === undefined || this.#closing) return;
    this.#redial = undefined;
    this.#socket.disconnect(this.#address);
    this.#socket.connect(this.#address);
  }
}

export function dialDealer(settings: Settings, address: string, handlers: DialHandlers, unreachable: Unreachable): DialSocket {
  const socket = new (zeromq().Dealer)({ ...dialling(settings, address), ...receiving, ...sending(address) });
  return new ZeromqDial(socket, address, settings, handlers, unreachable);
}

export function dialPull(settings: Settings, address: string, handlers: DialHandlers): DialSocket {
  return new ZeromqDial(new (zeromq().Pull)({ ...dialling(settings, address), ...receiving }), address, settings, handlers);
}

export function dialPush(settings: Settings, address: string, handlers: DialHandlers): DialSocket {
  return new ZeromqDial(new (zeromq().Push)({ ...dialling(settings, address), ...sending(address) }), address, settings, handlers);
}
