/**
 * Which transport an address means. Engines are loaded when their address is first dialled: whoever puts the package together says how
 * (`useEngines`), since this room may not know them.
 */
import type { Logger } from '../common/logger.ts';
import { withoutLogin } from '../common/login.ts';
import { engineOf, type Engine } from './addresses.ts';
import type { DialHandlers, DialSocket, Transport } from './transport.ts';
import { zeromqTransport } from './zeromq.ts';

/** A way to an engine: a transport that one client or worker dials, and lets go of. */
export interface EngineWay {
  readonly transport: Transport;
  /** What is dialled in place of the engine's address. */
  readonly address: string;
  /** What last went wrong with the engine. */
  trouble(): string | undefined;
  close(): Promise<void>;
}

export interface Engines {
  /** Throws an Error that says what to install, if a package is missing. */
  check(engine: Engine, address: string): void;
  /** @param logger where it says why the engine refuses, or what went wrong with it */
  open(engine: Engine, address: string, logger: Logger): Promise<EngineWay>;
}

let engines: Engines | undefined;

/** Says how engines are found. */
export function useEngines(found: Engines): void {
  engines = found;
}

/** @throws Error that says what to install, if the address is an engine's and its packages are missing */
export function transportFor(addresses: readonly [string, ...string[]], logger: Logger): Transport {
  const engine = engineOf(addresses[0]);
  if (engine === undefined) return zeromqTransport();
  if (engines === undefined) throw new Error(`${withoutLogin(addresses[0])}: engines are not part of this build`);
  engines.check(engine, addresses[0]);
  return new EngineTransport(engine, addresses[0], engines, logger);
}

class EngineTransport implements Transport {
  readonly name = 'engine';
  readonly reportsLostPeers = true;
  readonly #open: () => Promise<EngineWay>;
  #way: Promise<EngineWay> | undefined;
  #trouble: () => string | undefined = () => undefined;

  constructor(engine: Engine, address: string, found: Engines, logger: Logger) {
    this.#open = () => found.open(engine, address, logger);
  }

  trouble(): string | undefined {
    return this.#trouble();
  }

  bindRouter(address: string): Promise<never> {
    return Promise.reject(new TypeError(`address: expected 'tcp://host:port' or 'ipc://path' to bind, got '${withoutLogin(address)}'`));
  }

  bindPull(address: string): Promise<never> {
    return this.bindRouter(address);
  }

  bindPush(address: string): Promise<never> {
    return this.bindRouter(address);
  }

  dialDealer(_address: string, handlers: DialHandlers): DialSocket {
    if (this.#way === undefined) {
      this.#way = this.#open();
      this.#way.then(
        (way) => {
          this.#trouble = () => way.trouble();
        },
        (error: Error) => {
          this.#trouble = () => error.message;
        },
      );
    }
    return new LateDial(this.#way, handlers);
  }

  /** Only after a welcome, which came through the dealer: the way is open. */
  dialPull(address: string, handlers: DialHandlers): DialSocket {
    return new InnerDial(this.#way, (transport) => transport.dialPull(address, handlers));
  }

  dialPush(address: string, handlers: DialHandlers): DialSocket {
    return new InnerDial(this.#way, (transport) => transport.dialPush(address, handlers));
  }
}

/** A socket that is dialled as soon as there is something to dial. Nobody sends before it is connected. */
class InnerDial implements DialSocket {
  readonly #way: Promise<EngineWay> | undefined;
  #socket: DialSocket | undefined;
  #closed = false;

  constructor(way: Promise<EngineWay> | undefined, dial: (transport: Transport, address: string) => DialSocket) {
    this.#way = way;
    void way?.then(
      ({ transport, address }) => {
        if (!this.#closed) this.#socket = dial(transport, address);
      },
      () => undefined,
    );
  }

  send(frames: Uint8Array[]): void {
    this.#socket?.send(frames);
  }

  async close(lingerMs: number): Promise<void> {
    this.#closed = true;
    await this.#socket?.close(lingerMs);
  }

  protected get way(): Promise<EngineWay> | undefined {
    return this.#way;
  }
}

/** The first socket of a client or worker: the way ends with it. */
class LateDial extends InnerDial {
  constructor(way: Promise<EngineWay>, handlers: DialHandlers) {
    super(way, (transport, address) => transport.dialDealer(address, handlers));
    way.catch((error: unknown) => handlers.rejected?.({ peer: '', reason: error instanceof Error ? error.message : String(error) }));
  }

  override async close(lingerMs: number): Promise<void> {
    await super.close(lingerMs);
    const way = await this.way?.catch(() => undefined);
    await way?.close();
  }
}
