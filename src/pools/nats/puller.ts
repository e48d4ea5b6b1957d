/**
 * Asks one consumer for as many jobs as there is room for. Requests share a subscription, and say of themselves when they are over: with a
 * job, or with a status. What a server forgets when it is killed is asked again.
 */
import { createInbox, type Msg, nanos, type NatsConnection } from '@nats-io/transport-node';
import { Delivery } from './delivery.ts';
import { subscribe } from './dialled_socket.ts';

const EXPIRES_MS = 5_000;
/** A request is over that was not heard of for so long. */
const FORGOTTEN_MS = EXPIRES_MS + 1_000;
const AGAIN_MS = 100;
const TIMED_OUT = 408;

export interface PullerHandlers {
  /** How many jobs may come. */
  readonly room: () => number;
  /** Gets each; there may be one too many now and then. */
  readonly take: (message: Delivery) => void;
  readonly failed: (error: Error) => void;
}

export class Puller {
  readonly #connection: NatsConnection;
  readonly #subject: string;
  readonly #inbox = createInbox();
  readonly #room: () => number;
  readonly #take: (message: Delivery) => void;
  readonly #timer: NodeJS.Timeout;
  /** How many jobs the server may still send, and when it was last asked. */
  #asked = 0;
  #askedAtMs = 0;
  #closed = false;

  constructor(connection: NatsConnection, stream: string, consumer: string, { room, take, failed }: PullerHandlers) {
    this.#connection = connection;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
    this.#room = room;
    this.#take = take;
    subscribe(connection, this.#inbox, (message) => this.#heard(message), failed);
    this.#timer = setInterval(() => {
      if (performance.now() - this.#askedAtMs > FORGOTTEN_MS) this.askAgain();
    }, EXPIRES_MS);
  }

  /** Asks for what there is room for. */
  ask(): void {
    const batch = this.#room() - this.#asked;
    if (batch <= 0 || this.#closed || this.#connection.isClosed()) return;
    this.#asked += batch;
    this.#askedAtMs = performance.now();
    this.#connection.publish(this.#subject, JSON.stringify({ batch, expires: nanos(EXPIRES_MS) }), { reply: this.#inbox });
  }

  /** The server may have forgotten what it was asked. */
  askAgain(): void {
    this.#asked = 0;
    this.ask();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #heard(message: Msg): void {
    if (message.reply !== undefined && message.reply !== '') {
      this.#asked = Math.max(0, this.#asked - 1);
      this.#take(new Delivery(message, message.reply));
      return this.ask();
    }
    const left = Number(message.headers?.get('Nats-Pending-Messages') ?? '');
    this.#asked = Math.max(0, this.#asked - (left > 0 ? left : this.#asked));
    if (message.headers?.code === TIMED_OUT) this.ask();
    else setTimeout(() => this.ask(), AGAIN_MS);
  }
}
