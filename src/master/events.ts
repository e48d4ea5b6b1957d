/** What happens to a master, as its state machine is told. Times are milliseconds of one clock; payloads are slots. */
import type { Hello } from '../protocol/greetings.ts';
import type { Reply } from '../protocol/call_records.ts';
import type { Envelope, WireRecord } from '../protocol/messages.ts';

export type MasterEvent =
  /** A hello came over a connection of the ROUTER; `token` is fresh randomness for the session that it may begin. */
  | { readonly type: 'hello'; readonly connection: number; readonly hello: Hello; readonly token: string; readonly now: number }
  /** A batch came over the ROUTER; `bytes` of payload are in the store. */
  | {
      readonly type: 'batch';
      readonly connection: number;
      readonly envelope: Envelope;
      readonly records: readonly WireRecord[];
      readonly bytes: number;
      readonly now: number;
    }
  /** A worker's batch came over PULL. */
  | {
      readonly type: 'report';
      readonly envelope: Envelope;
      readonly records: readonly WireRecord[];
      readonly bytes: number;
      readonly now: number;
    }
  /** A connection of the ROUTER is gone: a notice. */
  | { readonly type: 'lost'; readonly connection: number; readonly now: number }
  /** A connection that we dialled is to be given up, at the latest after `deadlineMs`. */
  | { readonly type: 'undial'; readonly connection: number; readonly deadlineMs: number; readonly now: number }
  /** So many peers sit on PUSH, and so many more may get a share although nobody knows them. */
  | { readonly type: 'pushPeers'; readonly count: number; readonly strangers: number }
  /** A peer of PUSH is gone, with what was queued for it. */
  | { readonly type: 'pushLost' }
  /** The user's scatter yielded messages for a job (payloads are new slots), ended, or threw (`error`: a slot with the error, or -1). */
  | {
      readonly type: 'scattered';
      readonly stream: number;
      readonly job: number;
      readonly functions: readonly string[];
      readonly slots: readonly number[];
      readonly lengths: readonly number[];
      readonly ended: boolean;
      readonly error: number;
    }
  /** The user's gather is done with one result: what it yielded, and how it ended. */
  | {
      readonly type: 'gathered';
      readonly stream: number;
      readonly job: number;
      readonly slots: readonly number[];
      readonly lengths: readonly number[];
      readonly error: number;
    }
  /** A call to the cache or for the status was carried out. */
  | {
      readonly type: 'replied';
      readonly session: number;
      readonly id: number;
      readonly outcome: Reply;
      readonly text: string;
      readonly slot: number;
      readonly length: number;
    }
  /** Send this peer away. */
  | { readonly type: 'dismiss'; readonly session: number; readonly text: string }
  | { readonly type: 'wake'; readonly now: number }
  /** The end of a tick: what was decided goes out. */
  | { readonly type: 'flush'; readonly now: number }
  /** Take no more jobs; end when all are done, or at the deadline. */
  | { readonly type: 'stop'; readonly deadlineMs: number; readonly now: number };
