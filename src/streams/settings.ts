/** What a stream is, from its first moment on. */
import type { Fields } from '../protocol/fields.ts';
import type { BeginEvent } from './events.ts';
import type { ConsumerPort } from './port.ts';
import type { Receiver } from './receiver.ts';
import type { AnyItem, Source } from './types.ts';

/** Where a stream belongs to: the worker function that opened it, if one did. */
export interface Scope {
  /** The key of its part; 0: none. */
  readonly parent: number;
  /** Ends what it opened. */
  readonly signal?: AbortSignal | undefined;
  /** It begins to wait for a result, or (false) goes on. Said in turns. */
  waits?(waiting: boolean): void;
}

export interface StreamSettings {
  readonly port: ConsumerPort;
  readonly scope: Scope;
  readonly number: number;
  readonly id: string;
  readonly source: Source<AnyItem>;
  readonly function: string | undefined;
  readonly messages: number;
  readonly ordered: boolean;
  readonly settle: boolean;
  readonly signal: AbortSignal | undefined;
  readonly fields: Fields;
  /** It begins: it wants to be told of instructions. Throws if that cannot be. */
  readonly begin: (about: BeginEvent, receiver: Receiver) => void;
  /** It is over. */
  readonly over: (number: number) => void;
}
