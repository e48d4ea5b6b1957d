/**
 * Where masters dial a worker that listens: one socket, over which everything goes. Towards the worker it is like a socket that dials:
 * connected while a master has the seat (seat.ts), and nothing is heard of the others.
 *
 * The socket is a ROUTER, so that it is known who speaks. What comes first over a connection must be a master's question who we are.
 */
import { now, WakeUp } from '../common/clock.ts';
import { decode, encodeGreeting, NO_ID, VERSION } from '../protocol/messages.ts';
import { PayloadStore } from '../protocol/payloads.ts';
import type { DialHandlers, DialSocket, Frames, RouterSocket, Transport } from '../transport/transport.ts';
import { Seat, type SeatEvent } from './seat.ts';

export interface ListeningOptions {
  readonly transport: Transport;
  readonly name: string;
  readonly address: string;
}

export class Listening implements DialSocket {
  readonly #options: ListeningOptions;
  readonly #handlers: DialHandlers;
  readonly #seat = new Seat();
  readonly #wakeUp = new WakeUp(() => this.#decide({ type: 'wake', now: now() }));
  /** For messages of who has no seat: nothing of them is kept. */
  #scrap = new PayloadStore();
  #router: RouterSocket | undefined;
  /** It closes, and hears that its master has read the last word, or is gone. */
  #answered: (() => void) | undefined;

  constructor(options: ListeningOptions, handlers: DialHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** With the port that was chosen, once it is bound. */
  get address(): string {
    return this.#router?.address ?? this.#options.address;
  }

  async bind(): Promise<void> {
    const { transport, address } = this.#options;
    this.#router = await transport.bindRouter(address, {
      message: (connection, frames) => this.#message(connection, frames),
      lost: (connection) => this.#decide({ type: 'gone', connection, now: now() }),
      rejected: (what) => this.#handlers.rejected?.(what),
    });
  }

  send(frames: Frames): void {
    if (this.#seat.holder >= 0) this.#router?.send(this.#seat.holder, frames);
  }

  /** The master that has the seat does not want us: perhaps another one does. */
  decline(): void {
    this.#decide({ type: 'declined', now: now() });
  }

  /** A socket that dialled may lose what it has not read when this one goes: so the master's answer to the goodbye is waited for. */
  async close(lingerMs: number): Promise<void> {
    if (lingerMs > 0 && this.#seat.holder >= 0) {
      await new Promise<void>((resolve) => {
        this.#answered = resolve;
        setTimeout(resolve, lingerMs).unref();
      });
    }
    this.#wakeUp.set(Infinity);
    await this.#router?.close(lingerMs);
  }

  #message(connection: number, frames: Frames): void {
    if (connection === this.#seat.holder && this.#answered === undefined) return this.#handlers.message(frames);
    const message = decode(frames, this.#scrap);
    const peer = `connection ${connection} of ${this.address}`;
    switch (message.type) {
      case 'resync':
        // Asked before the last word was read.
        if (connection === this.#seat.holder) return;
        return this.#decide({ type: 'asks', connection, life: message.master ?? NO_ID, now: now() });
      case 'rejected':
        this.#handlers.rejected?.({ peer, reason: message.reason });
        if (message.version !== undefined) this.#refuse(connection, 'version', `this worker speaks version ${VERSION}`);
        return;
      case 'refused':
        if (connection === this.#seat.holder) return this.#answered?.();
        return this.#handlers.rejected?.({ peer, reason: message.text });
      case 'hello':
        this.#handlers.rejected?.({ peer, reason: 'a worker that listens is not sent a hello: it is no master' });
        return this.#refuse(
          connection,
          'role',
          `worker ${this.#options.name} is no master: a master dials it, with master.dial('${this.address}')`,
        );
      case 'batch':
        // Of a conversation that was: its sender will ask again.
        this.#scrap = new PayloadStore();
        return;
      default:
        this.#handlers.rejected?.({ peer, reason: `a worker is not sent '${message.type}' by a stranger` });
    }
  }

  #decide(event: SeatEvent): void {
    for (const instruction of this.#seat.handle(event)) {
      switch (instruction.type) {
        case 'vacate':
          this.#handlers.disconnected();
          this.#answered?.();
          break;
        case 'seat':
          this.#handlers.connected();
          break;
        case 'refuse':
          this.#refuse(
            instruction.connection,
            'full',
            `worker ${this.#options.name} serves another master, and one at a time; this one is next when that is gone`,
          );
          break;
        case 'wakeAt':
          this.#wakeUp.set(instruction.atMs);
          break;
        default:
          instruction satisfies never;
      }
    }
  }

  #refuse(connection: number, code: 'version' | 'role' | 'full', text: string): void {
    this.#router?.send(connection, encodeGreeting({ type: 'refused', code, text }));
  }
}
