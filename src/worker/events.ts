/** What happens to a worker, as its state machine is told. Times are milliseconds of one clock; payloads are slots. */
import type { Refused, Welcome } from '../protocol/greetings.ts';
import type { Envelope, WireRecord } from '../protocol/messages.ts';
import type { ConsumerEvent } from '../streams/events.ts';

/**
 * A result of a part could not be told, and went by an error. The part is to be forgotten, and stopped if it goes on. `untold`: it has ended, and
 * that could not be told either.
 */
export interface LostEvent {
  readonly type: 'lost';
  readonly key: number;
  readonly attempt: number;
  readonly untold: boolean;
  readonly now: number;
}

/**
 * What the executor has done since it last said so. Entries are in the order in which they happened. It is said before any other
 * event that comes from outside, so that the state always knows which parts are begun.
 */
export interface RanEvent {
  readonly type: 'ran';
  /** How many parts of the last `run` were begun, from the first on. The others were not, and will not be. */
  readonly begun: number;
  /** Results, ends and errors: as in an `outcomes` record, with the part's local number for its key. */
  readonly locals: readonly number[];
  readonly indexes: readonly number[];
  readonly flags: readonly number[];
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
  /** Parts that have no credit for what comes next, the bytes of the result that waits (0: none yet), and whether the function has ended. */
  readonly waits: readonly number[];
  readonly wanted: readonly number[];
  readonly over: readonly boolean[];
  /** Parts whose functions now wait for a call of their own, and those that did, and go on. */
  readonly lends: readonly number[];
  readonly goesOn: readonly number[];
  /** Some generator was stopped by the end of the turn: it wants another. */
  readonly paused: boolean;
  /** Time that lanes were held by the parts that ended here. */
  readonly busyMicros: number;
  /** How long the loop was blocked by functions of ours: no jump of the clock. */
  readonly blockedMs: number;
  readonly now: number;
}

export type WorkerEvent =
  /** Streams and calls of functions. */
  | ConsumerEvent
  | { readonly type: 'start'; readonly now: number }
  /** The DEALER stands, or is gone. */
  | { readonly type: 'connected'; readonly now: number }
  | { readonly type: 'disconnected'; readonly now: number }
  | { readonly type: 'welcome'; readonly welcome: Welcome; readonly now: number }
  | { readonly type: 'resync'; readonly now: number }
  | { readonly type: 'refused'; readonly refused: Refused; readonly now: number }
  /** Something came that is not ours; or it is, but of another version. */
  | { readonly type: 'rejected'; readonly reason: string; readonly version: number | undefined; readonly now: number }
  /** A batch came, on the control lane or by PUSH; `bytes` of payload are in the store. */
  | {
      readonly type: 'batch';
      readonly envelope: Envelope;
      readonly records: readonly WireRecord[];
      readonly bytes: number;
      readonly now: number;
    }
  /** The socket for reports stands (again). */
  | { readonly type: 'reportsConnected'; readonly now: number }
  /** The socket that brings parts by PUSH had stood, and is gone. */
  | { readonly type: 'pullLost'; readonly now: number }
  | RanEvent
  | LostEvent
  /** The sockets were drained, not longer than a millisecond before the last message came: parts may be begun. */
  | { readonly type: 'turn'; readonly now: number }
  /** The end of a tick: what was decided goes out. */
  | { readonly type: 'flush'; readonly now: number }
  | { readonly type: 'wake'; readonly now: number }
  /** Take no more parts; end when those begun have ended, or at the deadline. */
  | { readonly type: 'stop'; readonly deadlineAtMs: number; readonly now: number };
