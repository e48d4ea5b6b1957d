/**
 * The socket that a NATS client has dialled last. The library gives up a server that does not answer in time, or all servers when it is
 * closed, but forgets the socket, which stays open, or goes on dialling, and keeps the process from ending. It dials one at a time.
 */
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const dialler = new AsyncLocalStorage<DialledSocket>();
// Told in the dialler's context, before the socket dials. The context stays that of `dial` when the library dials again by itself.
diagnostics.subscribe('net.client.socket', (message) => dialler.getStore()?.heard((message as { readonly socket: Socket }).socket));

/** Where messages are heard: outside of the dialler's context. What is dialled because of one is nobody's but the user's. */
const outside = new AsyncResource('gristmill.nats');

export function subscribe(connection: NatsConnection, subject: string, hear: (message: Msg) => void): void {
  connection.subscribe(subject, { callback: (_error, message) => outside.runInAsyncScope(hear, undefined, message) });
}

export class DialledSocket {
  #socket: Socket | undefined;
  #closed = false;

  /** Connects. If that fails, nothing of it is left. */
  async dial<T>(connect: () => Promise<T>): Promise<T> {
    try {
      return await dialler.run(this, connect);
    } catch (error) {
      this.#socket?.destroy();
      throw error;
    }
  }

  heard(socket: Socket): void {
    this.#socket?.destroy();
    this.#socket = socket;
    // Not now: it begins to dial when all have heard of it.
    if (this.#closed) process.nextTick(() => socket.destroy());
  }

  /** From now on nothing stays open, whatever the library still dials. */
  close(): void {
    this.#closed = true;
    this.#socket?.destroy();
  }
}
