/**
 * A transport with a second way in: whoever is in the same process dials the bound router without a socket. So a part of the process
 * that is a client like any other needs neither a port nor a key.
 */
import { MemoryNetwork } from './memory.ts';
import type { RouterHandlers, Transport } from './transport.ts';

/** What `dialer()` dials. */
export const INSIDE = 'memory://inside';

export class Inside {
  readonly #network = new MemoryNetwork();
  /** What is bound through this is reached from outside and from inside. */
  readonly transport: Transport;

  constructor(outer: Transport) {
    const inner = this.#network.transport();
    this.transport = {
      ...outer,
      bindRouter: async (address, handlers) => {
        // Connections of both have numbers of their own: even ones came from outside, odd ones from inside.
        const outside = await outer.bindRouter(address, numbered(handlers, 0));
        const inside = await inner.bindRouter(INSIDE, numbered(handlers, 1));
        const of = (connection: number): typeof inside => (connection % 2 === 1 ? inside : outside);
        return {
          address: outside.address,
          send: (connection, frames) => of(connection).send(Math.floor(connection / 2), frames),
          forget: (connection) => of(connection).forget(Math.floor(connection / 2)),
          close: async (lingerMs) => {
            await Promise.all([outside.close(lingerMs), inside.close(lingerMs)]);
          },
        };
      },
    };
  }

  /** For a peer in this process; it dials INSIDE. */
  dialer(): Transport {
    return this.#network.transport();
  }
}

function numbered(handlers: RouterHandlers, rest: 0 | 1): RouterHandlers {
  return {
    room: handlers.room,
    message: (connection, frames) => handlers.message(connection * 2 + rest, frames),
    lost: (connection) => handlers.lost(connection * 2 + rest),
    rejected: (what) => handlers.rejected(what),
  };
}
