/** A message as the user's scatter and gather see it. */
import { checkOptions, shown, toBytes } from '../common/check.ts';

/** What can be changed of a message. */
export interface MessageChange {
  readonly payload?: Uint8Array | string;
  readonly function?: string;
}

/** What a message knows of its origin. */
export interface MessageOrigin {
  readonly client: string;
  readonly stream: string;
  readonly job: number;
  readonly part: number;
  readonly last: boolean;
}

/** One message on its way through the master: a client's job in `scatter`, a worker's result in `gather`. It cannot be changed; `with` gives a changed copy. */
export class Message implements MessageOrigin {
  /** The bytes. They must not be written to. */
  readonly payload: Buffer;
  /** The worker function that it is for, or came from. */
  readonly function: string;
  /** The name of the client that sent the job. */
  readonly client: string;
  /** The stream's id, unique everywhere. */
  readonly stream: string;
  /** The job's index in its stream, from 0. */
  readonly job: number;
  /** Which part of the job; 0 in `scatter`. */
  readonly part: number;
  /** In `gather`: this is the job's last result, all its parts have ended. */
  readonly last: boolean;

  constructor(payload: Buffer, name: string, origin: MessageOrigin) {
    this.payload = payload;
    this.function = name;
    this.client = origin.client;
    this.stream = origin.stream;
    this.job = origin.job;
    this.part = origin.part;
    this.last = origin.last;
  }

  /** A copy with another payload or function. */
  with(change: MessageChange): Message {
    checkOptions('message.with', change, ['payload', 'function']);
    const { payload = this.payload, function: name = this.function } = change;
    if (typeof name !== 'string' || name === '') throw new TypeError(`message.with: expected the name of a function, got ${shown(name)}`);
    return new Message(toBytes('message.with', payload), name, this);
  }
}
