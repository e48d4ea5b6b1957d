/** What a master's state machine asks of its shell. Instructions of one event are carried out in their order. */
import type { Operation } from '../protocol/call_records.ts';
import type { Greeting } from '../protocol/greetings.ts';
import type { Fields } from '../protocol/fields.ts';
import type { Envelope, WireRecord } from '../protocol/messages.ts';
import type { RemoteError } from '../protocol/remote_error.ts';

/** A job or result as the user's scatter and gather see it. */
export interface MessageInfo {
  readonly function: string;
  /** The client's name, and its stream's public name. */
  readonly client: string;
  readonly id: string;
  readonly part: number;
  readonly last: boolean;
  readonly slot: number;
}

/** Things that users may listen to, as the machine knows them. */
export interface MasterNews {
  workerJoined: { name: string; functions: readonly string[]; slots: number };
  /** `reason`: 'left' when it said goodbye, 'lost' when it did not come back. */
  workerLost: { name: string; reason: 'left' | 'lost' };
  clientJoined: { name: string };
  clientLeft: { name: string; reason: 'left' | 'lost' };
  /** `error`: the slot of what the consumer will be told; where its job is tried again, of what it would have been told. */
  jobFailed: { stream: string; job: number; error: number };
  jobRetried: { stream: string; job: number; error: number };
}

/** One piece of news. */
export type News = { [K in keyof MasterNews]: { readonly type: 'news'; readonly name: K; readonly what: MasterNews[K] } }[keyof MasterNews];

export type MasterInstruction =
  /** Send a greeting over a connection. */
  | { readonly type: 'post'; readonly connection: number; readonly greeting: Greeting }
  /** Encode and keep for the session if seq > 0; send it now if it has a connection (-1: it has none). */
  | {
      readonly type: 'send';
      readonly session: number;
      readonly connection: number;
      readonly envelope: Envelope;
      readonly records: readonly WireRecord[];
    }
  /** Send again what is kept for a session from `from` on. */
  | { readonly type: 'resend'; readonly session: number; readonly connection: number; readonly from: number }
  /** Let go what is kept for a session up to and with `upTo`. */
  | { readonly type: 'forget'; readonly session: number; readonly upTo: number }
  /** The session is over: let go all that is kept for it. */
  | { readonly type: 'drop'; readonly session: number }
  /** Close a connection that we dialled, and dial there no more. */
  | { readonly type: 'hangUp'; readonly connection: number }
  /** Send over PUSH; nothing is kept. */
  | { readonly type: 'push'; readonly envelope: Envelope; readonly records: readonly WireRecord[] }
  /** An instance of a specialized worker has come, with what its hello said; or, without fields, is gone. */
  | { readonly type: 'instance'; readonly session: number; readonly name: string; readonly fields: Fields | undefined }
  /** Encode an error and keep it as the payload of this slot, which the machine numbered. */
  | { readonly type: 'keep'; readonly slot: number; readonly error: RemoteError }
  /** Let payloads go. After the `send` that carries them. */
  | { readonly type: 'release'; readonly slots: readonly number[] }
  /** Run the user's scatter for a job, or go on with it, until it has yielded `count` more messages or ended. Ends in `scattered`. */
  | {
      readonly type: 'scatter';
      readonly stream: number;
      readonly job: number;
      readonly message: MessageInfo;
      readonly fields: Fields;
      readonly count: number;
    }
  /** Nobody wants the job any more: end its scatter without an answer. */
  | { readonly type: 'stopScatter'; readonly stream: number; readonly job: number }
  /** Run the user's gather for one result, to its end. Ends in `gathered`. */
  | { readonly type: 'gather'; readonly stream: number; readonly job: number; readonly message: MessageInfo }
  /** Carry out a call. Ends in `replied`. The value of a `set` is taken over. */
  | {
      readonly type: 'call';
      readonly session: number;
      readonly id: number;
      readonly operation: Operation;
      readonly key: string;
      readonly slot: number;
    }
  /** Wake the machine at this time; Infinity: no need. The last one holds. */
  | { readonly type: 'wakeAt'; readonly atMs: number }
  | News
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly text: string }
  /** A message that was not taken, to be counted. */
  | { readonly type: 'reject'; readonly peer: string; readonly reason: string }
  /** All is done, or the deadline is over. */
  | { readonly type: 'stopped' };
