/** The three sockets that a master binds. */

import type { Event, Pull, Push, Router } from 'zeromq';
import { Census, Monitor } from './zeromq_monitor.ts';
import { bind, binding, notifyingRouter, receiving, sending, type Settings, shut } from './zeromq_options.ts';
import { moveFrames } from './frame_memory.ts';
import { zeromq } from './zeromq_package.ts';
import { Receiver } from './zeromq_receiver.ts';
import type { BoundSocket, Frames, PullHandlers, PushHandlers, PushSocket, RouterHandlers, RouterSocket } from './transport.ts';
import { countReceived } from './young_garbage.ts';

/** How long libzmq may take to let go of a peer whose disconnect it has told. */
const SETTLE_MS = 10;

/** The monitor of a socket that only wants to know who was rejected. */
function tellRejected(monitor: Monitor, socket: BoundSocket, handlers: Pick<PullHandlers, 'rejected'>): void {
  const census = new Census();
  monitor.start((event) => {
    const change = census.take(event);
    if (typeof change === 'object') handlers.rejected({ peer: `a peer at ${socket.address}`, reason: change.rejected });
  });
}

/** A connection as the router knows it: by number outside, by routing id within. */
interface Connection {
  readonly number: number;
  readonly key: string | number;
  readonly id: Buffer;
  readonly failed: (error: unknown) => void;
  broken: boolean;
}

/** Ids that ZeroMQ makes are a zero byte and a 32-bit number (here with a sign: so it is a small integer); a stranger may choose its own. */
function keyOf(id: Buffer): string | number {
  if (id.length !== 5 || id[0] !== 0) return id.toString('latin1');
  return ((id[1] as number) << 24) | ((id[2] as number) << 16) | ((id[3] as number) << 8) | (id[4] as number);
}

class ZeromqRouter implements RouterSocket {
  address = '';
  readonly #socket: Router;
  readonly #monitor: Monitor;
  readonly #receiver: Receiver;
  readonly #handlers: RouterHandlers;
  readonly #byKey = new Map<string | number, Connection>();
  readonly #byNumber = new Map<number, Connection>();
  #last = 0;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, address: string, handlers: RouterHandlers) {
    this.#socket = notifyingRouter(settings, address);
    this.#monitor = new Monitor(this.#socket.events);
    this.#handlers = handlers;
    this.#receiver = new Receiver(this.#socket, (frames) => this.#read(frames));
  }

  async bind(address: string): Promise<this> {
    this.address = await bind(this.#socket, address);
    tellRejected(this.#monitor, this, this.#handlers);
    this.#receiver.start();
    return this;
  }

  send(number: number, frames: Frames): void {
    const connection = this.#byNumber.get(number);
    if (connection === undefined || connection.broken || this.#closing) return;
    const message = frames.length === 1 ? [connection.id, frames[0] as Uint8Array] : [connection.id, ...frames];
    this.#socket.send(message).catch(connection.failed);
  }

  forget(number: number): void {
    const connection = this.#byNumber.get(number);
    if (connection) this.#drop(connection);
  }

  close(lingerMs: number): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#receiver.stop();
    this.#monitor.stop();
    this.#closing = shut(this.#socket, this.#monitor, lingerMs);
    return this.#closing;
  }

  #read(frames: Frames): void {
    const id = frames.shift() as Buffer;
    const key = keyOf(id);
    const known = this.#byKey.get(key);
    if (frames.length === 1 && (frames[0] as Uint8Array).length === 0) {
      // The notice of a lost peer, or an illegal empty message that looks like it; after the latter the peer gets a new number.
      if (known) this.#lose(known);
      return;
    }
    const connection = known ?? this.#welcome(key, id);
    countReceived(moveFrames(frames, this.#handlers.room));
    this.#handlers.message(connection.number, frames);
  }

  #welcome(key: string | number, id: Buffer): Connection {
    this.#last += 1;
    const connection: Connection = { number: this.#last, key, id, broken: false, failed: (error) => void this.#failed(connection, error) };
    this.#byKey.set(key, connection);
    this.#byNumber.set(connection.number, connection);
    return connection;
  }

  /** A send found nobody (EHOSTUNREACH), or a peer that has not read for long (EAGAIN). */
  async #failed(connection: Connection, error: unknown): Promise<void> {
    if (connection.broken || this.#closing) return;
    connection.broken = true;
    // Messages of a peer that is gone may still wait to be read, and come before its loss.
    if ((error as NodeJS.ErrnoException).code === 'EHOSTUNREACH') await this.#receiver.dry();
    this.#lose(connection);
  }

  #lose(connection: Connection): void {
    if (this.#drop(connection) && !this.#closing) this.#handlers.lost(connection.number);
  }

  #drop(connection: Connection): boolean {
    if (!this.#byNumber.delete(connection.number)) return false;
    connection.broken = true;
    this.#byKey.delete(connection.key);
    return true;
  }
}

class ZeromqBoundPull implements BoundSocket {
  address = '';
  readonly #socket: Pull;
  readonly #monitor: Monitor;
  readonly #receiver: Receiver;
  readonly #handlers: PullHandlers;
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, address: string, handlers: PullHandlers) {
    this.#socket = new (zeromq().Pull)({ ...binding(settings, address), ...receiving });
    this.#monitor = new Monitor(this.#socket.events);
    this.#handlers = handlers;
    this.#receiver = new Receiver(this.#socket, (frames) => this.#read(frames));
  }

  async bind(address: string): Promise<this> {
    this.address = await bind(this.#socket, address);
    tellRejected(this.#monitor, this, this.#handlers);
    this.#receiver.start();
    return this;
  }

  close(lingerMs: number): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#receiver.stop();
    this.#monitor.stop();
    this.#closing = shut(this.#socket, this.#monitor, lingerMs);
    return this.#closing;
  }

  #read(frames: Frames): void {
    countReceived(moveFrames(frames, this.#handlers.room));
    this.#handlers.message(frames);
  }
}

class ZeromqBoundPush implements PushSocket {
  address = '';
  readonly #socket: Push;
  readonly #monitor: Monitor;
  readonly #handlers: PushHandlers;
  readonly #census = new Census();
  #closing: Promise<void> | undefined;

  constructor(settings: Settings, address: string, handlers: PushHandlers) {
    this.#socket = new (zeromq().Push)({ ...binding(settings, address), ...sending(address) });
    this.#monitor = new Monitor(this.#socket.events);
    this.#handlers = handlers;
  }

  async bind(address: string): Promise<this> {
    this.address = await bind(this.#socket, address);
    this.#monitor.start((event) => this.#event(event));
    return this;
  }

  send(frames: Frames): void {
    if (!this.#closing) this.#socket.send(frames).catch(() => {});
  }

  close(lingerMs: number): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#monitor.stop();
    this.#closing = shut(this.#socket, this.#monitor, lingerMs);
    return this.#closing;
  }

  #event(event: Event): void {
    const change = this.#census.take(event);
    if (change === undefined) return;
    // Makes the socket take a new peer in at once; a send alone may do that a millisecond late.
    if (event.type === 'handshake') void this.#socket.writable;
    this.#handlers.peers(this.#census.peers, this.#census.strangers);
    if (typeof change === 'object') this.#handlers.rejected({ peer: `a peer at ${this.address}`, reason: change.rejected });
    // A disconnect is told before the peer is out of the rota: what is sent at once could go to it again.
    if (change === 'left') setTimeout(() => this.#left(), SETTLE_MS);
  }

  #left(): void {
    if (this.#closing) return;
    void this.#socket.writable;
    this.#handlers.disconnected();
  }
}

async function bound<S extends { bind(address: string): Promise<S>; close(lingerMs: number): Promise<void> }>(
  socket: S,
  address: string,
): Promise<S> {
  try {
    return await socket.bind(address);
  } catch (error) {
    await socket.close(0);
    throw error;
  }
}

export function bindRouter(settings: Settings, address: string, handlers: RouterHandlers): Promise<RouterSocket> {
  return bound(new ZeromqRouter(settings, address, handlers), address);
}

export function bindPull(settings: Settings, address: string, handlers: PullHandlers): Promise<BoundSocket> {
  return bound(new ZeromqBoundPull(settings, address, handlers), address);
}

export function bindPush(settings: Settings, address: string, handlers: PushHandlers): Promise<PushSocket> {
  return bound(new ZeromqBoundPush(settings, address, handlers), address);
}
