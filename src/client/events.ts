/** What happens to a client, as its state machine is told, and what it asks of its shell. Times are milliseconds of one clock. */
import type { Refused, Welcome } from '../protocol/greetings.ts';
import type { Envelope, WireRecord } from '../protocol/messages.ts';
import type { PeerInstruction, Welcomed } from '../protocol/peer.ts';
import type { ConsumerEvent, ConsumerInstruction } from '../streams/events.ts';

export type ClientEvent =
  | ConsumerEvent
  | { readonly type: 'start'; readonly now: number }
  /** The socket stands, or is gone. */
  | { readonly type: 'connected'; readonly now: number }
  | { readonly type: 'disconnected'; readonly now: number }
  | { readonly type: 'welcome'; readonly welcome: Welcome; readonly now: number }
  | { readonly type: 'resync'; readonly now: number }
  | { readonly type: 'refused'; readonly refused: Refused; readonly now: number }
  /** A batch came; `bytes` of payload are in the store. */
  | {
      readonly type: 'batch';
      readonly envelope: Envelope;
      readonly records: readonly WireRecord[];
      readonly bytes: number;
      readonly now: number;
    }
  /** Bytes came that are not ours; `version`: they are another version's. */
  | { readonly type: 'rejected'; readonly reason: string; readonly version: number | undefined; readonly now: number }
  /** The end of a tick: what was decided goes out. */
  | { readonly type: 'flush'; readonly now: number }
  | { readonly type: 'wake'; readonly now: number }
  | { readonly type: 'close'; readonly now: number };

/** Why there will be no connection. */
export type GivingUp = 'timeout' | 'version' | 'refused';

export type ClientInstruction =
  | PeerInstruction
  | ConsumerInstruction
  /** A session stands. */
  | { readonly type: 'welcomed'; readonly master: string; readonly how: Welcomed; readonly maxMessageBytes: number }
  /** The connection of a session is gone; it is dialled again. */
  | { readonly type: 'lost' }
  /** Nobody has answered for a while: say so. */
  | { readonly type: 'waiting' }
  /** There will be no connection: everything that is open fails. Nothing follows. */
  | { readonly type: 'gaveUp'; readonly code: GivingUp; readonly text: string }
  /** Bytes or a record were dropped: say so. */
  | { readonly type: 'reject'; readonly reason: string }
  /** Wake the machine at this time; Infinity: no need. The last one holds. */
  | { readonly type: 'wakeAt'; readonly atMs: number }
  /** All that is to be sent has been. Close the socket. Nothing follows. */
  | { readonly type: 'closed' };
