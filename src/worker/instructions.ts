/** What a worker's state machine asks of its shell. Instructions of one event are carried out in their order. */
import type { Refused, Welcome } from '../protocol/greetings.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import type { PeerInstruction, Welcomed } from '../protocol/peer.ts';
import type { ConsumerInstruction } from '../streams/events.ts';

/**
 * Go on with those that are ready, then begin the others in their order, the first `own` at once, then the next whenever one of `free`
 * lanes is free, until the turn is over. Ends in `ran`, which is fed before anything else that comes from outside. Columns are by part to begin.
 */
export interface RunInstruction {
  readonly type: 'run';
  readonly ready: readonly number[];
  readonly free: number;
  /** So many of the first need no lane. */
  readonly own: number;
  readonly locals: readonly number[];
  readonly records: readonly PartsRecord[];
  readonly rows: readonly number[];
  readonly attempts: readonly number[];
  readonly slots: readonly number[];
  readonly grants: readonly number[];
  readonly bytes: readonly number[];
}

export type WorkerInstruction =
  | PeerInstruction
  /** Streams and calls of functions. `release` comes after the `send` that carries the payloads. */
  | ConsumerInstruction
  | RunInstruction
  /** Nobody wants these: tell the functions by their signals, drop what they still yield, end generators. Their ends are still said. */
  | { readonly type: 'abort'; readonly locals: readonly number[]; readonly reason: string }
  /** Adds credit. A result that waits is reported when it is covered; a generator goes on only by `run`. */
  | { readonly type: 'grant'; readonly locals: readonly number[]; readonly results: readonly number[]; readonly bytes: readonly number[] }
  /** A session stands: dial the other sockets where the welcome says, if they are not dialled there already. */
  | { readonly type: 'welcomed'; readonly welcome: Welcome; readonly how: Welcomed }
  /** The connection is gone. */
  | { readonly type: 'lost' }
  /** The master will not have us. Nothing follows but the ends of functions. */
  | { readonly type: 'refused'; readonly refused: Refused }
  /** Nobody has answered for a while: say so. */
  | { readonly type: 'waiting' }
  /** A record that a master does not send to a worker was dropped. */
  | { readonly type: 'reject'; readonly reason: string }
  /** Wake the machine at this time; Infinity: no need. The last one holds. */
  | { readonly type: 'wakeAt'; readonly atMs: number }
  /** Drained, or out of time; whatever is to be sent has been. Close. */
  | { readonly type: 'stopped' };
