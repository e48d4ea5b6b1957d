/**
 * What the shell tells the consumer's half of the state machine, and what it is told to do. The same for a client, and for a worker
 * whose functions have calls of their own.
 */
import type { Operation, Reply, ReplyRecord } from '../protocol/call_records.ts';
import type { Fields } from '../protocol/fields.ts';
import type { GiveUpRecord, NoticeRecord, ResultsRecord, WindowRecord } from '../protocol/stream_records.ts';

/** A stream begins: its consumer asked for the first result. */
export interface BeginEvent {
  readonly type: 'begin';
  /** Never used twice in the life of this state machine. */
  readonly stream: number;
  /** Unique everywhere. */
  readonly id: string;
  readonly ordered: boolean;
  /** The part whose function opened it, by key; 0: none. */
  readonly parent: number;
  /** Stop after so many results; 0: never. */
  readonly messages: number;
  readonly fields: Fields;
  /** How many results may wait here for the user; default RESULT_WINDOW. */
  readonly window?: number;
}

/** The source gave jobs, at least one unless it has come to its end. Their slots belong to the state from here on. */
export interface PulledEvent {
  readonly type: 'pulled';
  readonly stream: number;
  /** The index of the first of them. */
  readonly first: number;
  /** Names of functions, and which of them each job is for (empty: all for the first). */
  readonly functions: readonly string[];
  readonly which: readonly number[];
  /** Fields of each job (empty: none has any). */
  readonly fields: readonly Fields[];
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
  /** `failed`: the source threw behind these; the shell keeps what it threw. */
  readonly source: 'open' | 'ended' | 'failed';
}

/** The consumer took so many results (errors count as well) of so many bytes since the last time. */
export interface TakenEvent {
  readonly type: 'taken';
  readonly stream: number;
  readonly results: number;
  readonly bytes: number;
}

/** The owner of these jobs cancelled them. What came of them before stays; of a job that has ended, it means nothing. */
export interface DroppedEvent {
  readonly type: 'dropped';
  readonly stream: number;
  readonly jobs: readonly number[];
  /** Whether the user sees that, as an entry of its own. */
  readonly shown: boolean;
}

/** The consumer left early: nothing is delivered any more. Said of a stream that is over, it means nothing. */
interface LeaveEvent {
  readonly type: 'leave';
  readonly stream: number;
}

/** A call to the master's cache or status. The slot (of a `set`, else -1) belongs to the state from here on. */
export interface AskEvent {
  readonly type: 'ask';
  /** Never used twice in the life of this state machine. */
  readonly id: number;
  readonly operation: Operation;
  /** Of a `set` without one: made by the shell, so that the same call said again is the same. */
  readonly key: string;
  readonly slot: number;
  readonly length: number;
}

export type ConsumerEvent = BeginEvent | PulledEvent | DroppedEvent | TakenEvent | LeaveEvent | AskEvent;

/** Records of the master that the consumer's half takes. */
export type ConsumerRecord = WindowRecord | ResultsRecord | NoticeRecord | GiveUpRecord | ReplyRecord;

/**
 * Pull the source until it has given `jobs` jobs in all, or `bytes` bytes or more. Totals since the beginning; a later instruction
 * replaces the earlier, even by less. Answer with `pulled`.
 */
interface PullInstruction {
  readonly type: 'pull';
  readonly stream: number;
  readonly jobs: number;
  readonly bytes: number;
}

/** Columns of entries (see ENTRY), one row each. */
export interface EntryColumns {
  readonly jobs: readonly number[];
  readonly parts: readonly number[];
  readonly indexes: readonly number[];
  readonly flags: readonly number[];
  readonly slots: readonly number[];
  readonly lengths: readonly number[];
}

/**
 * Entries for the consumer, in the order in which it must see them. The slots belong to the shell from here on: it releases each,
 * once, also for a stream that it does not know any more. An entry `error` without a slot: the job could not be replayed or, with
 * the index DROPPED, its owner cancelled it. Entries with neither result nor error only tell that a part or a job has ended. Say
 * `taken` of results, errors and what was DROPPED.
 */
export interface DeliverInstruction extends EntryColumns {
  readonly type: 'deliver';
  readonly stream: number;
}

/** All results have been delivered. `early`: the source was not at its end (`messages`): let it return. */
interface EndedInstruction {
  readonly type: 'ended';
  readonly stream: number;
  readonly early: boolean;
}

/** The source failed: what it threw comes after what has been delivered. */
interface FailedInstruction {
  readonly type: 'failed';
  readonly stream: number;
}

/** The answer to a call. The slot (-1: none) belongs to the shell. */
export interface AnswerInstruction {
  readonly type: 'answer';
  readonly id: number;
  readonly outcome: Reply;
  readonly text: string;
  readonly slot: number;
  readonly length: number;
}

/** Tell the user what is waited for. Said once for each text. */
interface NoticeInstruction {
  readonly type: 'notice';
  readonly stream: number;
  readonly text: string;
}

/** The master cannot take what was sent, and has ended the stream. */
interface GivenUpInstruction {
  readonly type: 'givenUp';
  readonly stream: number;
  readonly text: string;
}

/** These payloads are not needed any more: release each slot in the store. */
interface ReleaseInstruction {
  readonly type: 'release';
  readonly slots: readonly number[];
}

export type ConsumerInstruction =
  | PullInstruction
  | DeliverInstruction
  | EndedInstruction
  | FailedInstruction
  | AnswerInstruction
  | NoticeInstruction
  | GivenUpInstruction
  | ReleaseInstruction;

/** Where instructions go: a list that may hold others, too. */
export interface ConsumerOut {
  push(instruction: ConsumerInstruction): unknown;
}

const EVENTS: ReadonlySet<string> = new Set(['begin', 'pulled', 'dropped', 'taken', 'leave', 'ask'] satisfies ConsumerEvent['type'][]);
const RECORDS: ReadonlySet<string> = new Set(['window', 'results', 'notice', 'giveUp', 'reply'] satisfies ConsumerRecord['kind'][]);

export function isConsumerEvent(event: { readonly type: string }): event is ConsumerEvent {
  return EVENTS.has(event.type);
}

export function isConsumerRecord(record: { readonly kind: string }): record is ConsumerRecord {
  return RECORDS.has(record.kind);
}
