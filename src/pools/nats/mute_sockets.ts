/**
 * Sockets to servers that accept and then say nothing. The library of NATS gives such a server up after its time-out, but forgets the socket:
 * each try leaves one open, until the server says something, and keeps the process from ending.
 */
import diagnostics from 'node:diagnostics_channel';
import type { Socket } from 'node:net';

/** Told of each socket that dials, before it does. */
const DIALS = 'net.client.socket';

export class MuteSockets {
  readonly #ports: ReadonlySet<number>;
  readonly #sockets = new Set<Socket>();
  readonly #heard = (message: unknown): void => {
    this.#forgetOthers();
    this.#sockets.add((message as { readonly socket: Socket }).socket);
  };

  /** @param ports those of the servers: whose a socket is cannot be told otherwise */
  constructor(ports: readonly number[]) {
    this.#ports = new Set(ports);
    diagnostics.subscribe(DIALS, this.#heard);
  }

  /** Closes those whose servers have said nothing until now. */
  end(): void {
    this.#forgetOthers();
    for (const socket of this.#sockets) if (this.#ports.has(socket.remotePort ?? 0)) socket.destroy();
  }

  close(): void {
    diagnostics.unsubscribe(DIALS, this.#heard);
    this.end();
    this.#sockets.clear();
  }

  /** (Not by events: the library takes all listeners away.) */
  #forgetOthers(): void {
    for (const socket of this.#sockets) if (socket.destroyed || socket.bytesRead > 0) this.#sockets.delete(socket);
  }
}
