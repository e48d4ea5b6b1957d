/**
 * The socket that a NATS client has dialled last. The library gives up a server that does not answer in time, or all servers when it is
 * closed, but forgets the socket, which stays open, or goes on dialling, and keeps the process from ending. It dials one at a time.
 */
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { AsyncLocalStorage } from 'node:async_hooks';
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

const dialler = new AsyncLocalStorage<DialledSocket | undefined>();
// Told in the dialler's context, before the socket dials. The context stays that of `dial` when the library dials again by itself.
diagnostics.subscribe('net.client.socket', (message) => dialler.getStore()?.heard((message as { readonly socket: Socket }).socket));

/**
 * Messages are heard outside of the dialler's context: what is dialled because of one is nobody's but the user's.
 * @param failed hears what `hear` throws, which would end the connection's reading for good, and that the server refuses the subscription
 */
export function subscribe(connection: NatsConnection, subject: string, hear: (message: Msg) => void, failed: (error: Error) => void): void {
  const heard = (error: Error | null, message: Msg): void => {
    if (error !== null) return failed(error);
    try {
      hear(message);
    } catch (thrown) {
      failed(thrown as Error);
    }
  };
  connection.subscribe(subject, { callback: (error, message) => dialler.run(undefined, heard, error, message) });
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
