/** What the shells of this room need of the shell around them: a client's connection, or a worker's. */
import type { PayloadStore } from '../protocol/payloads.ts';
import type { ConsumerEvent } from './events.ts';

export interface ConsumerPort {
  readonly store: PayloadStore;
  /** Begins the ids of streams and cache keys; unique everywhere. */
  readonly id: string;
  /** Feeds the state machine, and sees to it that a flush follows at the end of the tick. */
  feed(event: ConsumerEvent): void;
  /** Calls back once, right before the flush that ends this tick, so that what comes in one by one is fed as one event. */
  atFlush(gather: () => void): void;
  /** The largest payload that may be sent now. */
  maxMessageBytes(): number;
  notice(text: string): void;
}
