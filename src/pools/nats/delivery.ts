/** A job as the server gave it to this worker: JetStream's acknowledgements, by its reply subject (NATS, ADR-15). */
import { type Msg, nanos } from '@nats-io/transport-node';

/** `$JS.ACK.STREAM.CONSUMER.COUNT.…`; a newer one has domain and account behind `ACK`. */
const OLD_TOKENS = 9;
const OLD_COUNT = 4;
const NEW_COUNT = 6;

export class Delivery {
  readonly #message: Msg;
  /** What its acknowledgements are sent to. */
  readonly reply: string;

  constructor(message: Msg, reply: string) {
    this.#message = message;
    this.reply = reply;
  }

  get data(): Uint8Array {
    return this.#message.data;
  }

  /** How often the server has given it to a worker, this time included. */
  get count(): number {
    const tokens = this.reply.split('.');
    return Number(tokens[tokens.length === OLD_TOKENS ? OLD_COUNT : NEW_COUNT]);
  }

  /** It has ended, and is removed. */
  ack(): void {
    this.#message.respond('+ACK');
  }

  /** It is none of ours, and is removed. */
  term(): void {
    this.#message.respond('+TERM');
  }

  /** It is given to another worker, after a while. */
  nak(delayMs = 0): void {
    this.#message.respond(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos(delayMs) })}` : '-NAK');
  }
}
