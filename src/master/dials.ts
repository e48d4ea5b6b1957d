/**
 * The workers that listen, which this master dials: a socket for each, over which everything goes. Once dialled, an address is dialled
 * until it is given up, whoever answers there. A connection's number is never used twice, and no number of the ROUTER's.
 */
import { type Fields, mergeFields, NO_FIELDS } from '../protocol/fields.ts';
import type { Hello } from '../protocol/greetings.ts';
import { encodeGreeting } from '../protocol/messages.ts';
import { NOTICE_AFTER_MS } from '../protocol/limits.ts';
import { dialAddresses, parseAddress } from '../transport/addresses.ts';
import type { DialSocket, Frames, Transport } from '../transport/transport.ts';

/** Numbers from here on are connections of ours. */
export const FIRST_DIALLED = 1_000_000_000;
/** How long the last word to a worker is tried to be sent. */
const LINGER_MS = 500;

export interface DialsOptions {
  readonly transport: Transport;
  readonly message: (connection: number, frames: Frames) => void;
  readonly lost: (connection: number) => void;
  readonly rejected: (what: { readonly peer: string; readonly reason: string }) => void;
  /** A connection is to be given up, within so long: ends in `hangUp`. */
  readonly leave: (connection: number, deadlineMs: number) => void;
  /** Nobody has answered for a while. */
  readonly waiting: (address: string) => void;
}

interface Dialled {
  readonly address: string;
  /** What its worker offers, instead of what it says itself. */
  readonly offer: Fields;
  socket: DialSocket | undefined;
  /** -1: none stands. */
  connection: number;
  notice: NodeJS.Timeout | undefined;
  /** It is being given up; called when it is. */
  givenUp: (() => void) | undefined;
  gone: Promise<void> | undefined;
}

export class Dials {
  readonly #options: DialsOptions;
  readonly #byAddress = new Map<string, Dialled>();
  readonly #byConnection = new Map<number, Dialled>();
  #greeting: Frames = [];
  #last = FIRST_DIALLED;
  #closed = false;

  constructor(options: DialsOptions) {
    this.#options = options;
  }

  /** Dials all that it was told to, and what comes. `epoch`: the master's. */
  begin(epoch: string): void {
    this.#greeting = encodeGreeting({ type: 'resync', master: epoch });
    for (const dialled of this.#byAddress.values()) this.#open(dialled);
  }

  /** @throws TypeError or RangeError for what is no address to dial; Error if it is dialled already, or all is closed. */
  add(where: string, offer: Fields = NO_FIELDS): void {
    parseAddress(where, 'dial: address');
    const [address] = dialAddresses('dial: address', [where]);
    if (this.#closed) throw new Error('dial: the master was stopped');
    if (this.#byAddress.has(address)) throw new Error(`dial: ${address} is dialled already`);
    const dialled = { address, offer, socket: undefined, connection: -1, notice: undefined, givenUp: undefined, gone: undefined };
    this.#byAddress.set(address, dialled);
    if (this.#greeting.length > 0) this.#open(dialled);
  }

  /** Gives an address up. Rejects with an Error if it is not dialled. */
  async remove(address: string, deadlineMs: number): Promise<void> {
    const dialled = this.#byAddress.get(address);
    if (dialled === undefined) throw new Error(`undial: ${address} is not dialled`);
    dialled.gone ??= new Promise((resolve) => {
      dialled.givenUp = resolve;
      if (dialled.connection < 0) void this.#end(dialled);
      else this.#options.leave(dialled.connection, deadlineMs);
    });
    await dialled.gone;
  }

  /** A connection has no use any more. */
  hangUp(connection: number): void {
    const dialled = this.#byConnection.get(connection);
    if (dialled !== undefined) void this.#end(dialled, LINGER_MS);
  }

  /** A hello that came over a connection, with what is known better here. */
  known(connection: number, hello: Hello): Hello {
    const offer = this.#byConnection.get(connection)?.offer ?? NO_FIELDS;
    return offer.length === 0 ? hello : { ...hello, fields: mergeFields(hello.fields, offer) };
  }

  addressOf(connection: number): string | undefined {
    return this.#byConnection.get(connection)?.address;
  }

  send(connection: number, frames: Frames): void {
    this.#byConnection.get(connection)?.socket?.send(frames);
  }

  async close(lingerMs: number): Promise<void> {
    this.#closed = true;
    const all = [...this.#byAddress.values()];
    await Promise.all(all.map((dialled) => this.#end(dialled, lingerMs)));
  }

  #open(dialled: Dialled): void {
    const { address } = dialled;
    this.#wait(dialled);
    dialled.socket = this.#options.transport.dialDealer(address, {
      connected: () => {
        clearTimeout(dialled.notice);
        this.#last += 1;
        dialled.connection = this.#last;
        this.#byConnection.set(this.#last, dialled);
        dialled.socket?.send(this.#greeting);
      },
      disconnected: () => {
        this.#lose(dialled);
        if (dialled.givenUp === undefined) this.#wait(dialled);
        else void this.#end(dialled);
      },
      message: (frames) => this.#options.message(dialled.connection, frames),
      rejected: ({ reason }) => this.#options.rejected({ peer: address, reason }),
    });
  }

  #wait(dialled: Dialled): void {
    dialled.notice = setTimeout(() => this.#options.waiting(dialled.address), NOTICE_AFTER_MS);
  }

  #lose(dialled: Dialled): void {
    const { connection } = dialled;
    if (connection < 0) return;
    dialled.connection = -1;
    this.#byConnection.delete(connection);
    this.#options.lost(connection);
  }

  async #end(dialled: Dialled, lingerMs = 0): Promise<void> {
    if (!this.#byAddress.delete(dialled.address)) return;
    clearTimeout(dialled.notice);
    this.#byConnection.delete(dialled.connection);
    await dialled.socket?.close(lingerMs);
    dialled.givenUp?.();
  }
}
