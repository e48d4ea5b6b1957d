/** The books that a master keeps: a session for each peer, a worker's load, a stream and its jobs. Data only: others decide. */
import type { Deque } from '../machine/deque.ts';
import { Drafts } from '../protocol/drafts.ts';
import type { Fields } from '../protocol/fields.ts';
import type { Role } from '../protocol/greetings.ts';
import { Inbox, Outbox, type SessionState } from '../protocol/session.ts';
import type { Shape } from '../scheduling/policy.ts';
import { ServiceTime, ShapeLoad } from '../scheduling/service_time.ts';
import { type RetryRule, type RowList, rowList } from './parts.ts';

/** A peer's conversation with this master. */
export interface Session {
  readonly number: number;
  readonly token: string;
  readonly role: Role;
  readonly name: string;
  readonly fields: Fields;
  /** Which session its hello named instead. */
  readonly begunBy: string;
  state: SessionState;
  /** The connections of the ROUTER that it has, and had before if that is not known to be gone; -1: none. */
  connection: number;
  formerly: number;
  readonly out: Outbox;
  readonly controlIn: Inbox;
  readonly reportsIn: Inbox;
  readonly drafts: Drafts;
  /** Slots whose payloads go out with the drafts and are not needed after. */
  spent: number[];
  owedBytes: number;
  unansweredCalls: number;
  heardAtMs: number;
  /** Its streams by its own numbers. */
  readonly streams: Map<number, Stream>;
  /** What a worker has, if it is one. */
  worker: WorkerBook | undefined;
}

export interface WorkerBook {
  readonly session: number;
  readonly functions: readonly string[];
  readonly slots: number;
  lent: number;
  /** Parts that are placed here, oldest first. */
  readonly placed: RowList;
  /** Keys of parts that are no longer its own, but may still run here and hold a slot. */
  readonly ghosts: Set<number>;
  /** What its parts have of its resources, by key and attempt, until that has ended here; and how many that are placed have some. */
  readonly allocated: Map<number, Map<number, number>>;
  placedOwn: number;
  /** Keys of parts that were taken from it without a word (suspicion.ts). */
  doubted: Set<number> | undefined;
  readonly service: ServiceTime;
  /** By the shape's id; and the one that was asked for last. */
  readonly loads: Map<number, ShapeLoad>;
  load: ShapeLoad;
  ended: number;
  leaving: boolean;
  lease: Lease | undefined;
  /** A part runs here alone (its key), or waits for this worker to be idle (-1). 0: neither. */
  alone: number;
  /** Keys asked back, not answered yet, and when it was last asked. */
  revoked: Set<number> | undefined;
  askedAtMs: number;
  reportedAtMs: number;
  /** Since when it does not answer, unless it was heard of after that. */
  silentSinceMs: number;
  /** What it runs is late: it gets nothing ahead until something has ended there. */
  late: boolean;
}

export type LeaseState = 'flowing' | 'dry' | 'ended';
export type LeaseMove = 'dry' | 'expire' | 'leave';

/** Legal moves of a lease. 'dry': nothing waits that could flow. */
export const LEASE_MOVES = {
  flowing: { dry: 'dry', expire: 'ended', leave: 'ended' },
  dry: { expire: 'ended', leave: 'ended' },
  ended: {},
} as const satisfies Record<LeaseState, Partial<Record<LeaseMove, LeaseState>>>;

/** Parts of a shape flow to a worker while it lasts. After it ran dry they do as long as that worker idles (placing.ts, `warmWorker`). */
export interface Lease {
  readonly shape: ShapeBook;
  readonly sinceMs: number;
  state: LeaseState;
}

/** Parts of one shape of one stream that wait. */
export interface Queue {
  readonly stream: Stream;
  readonly shape: ShapeBook;
  readonly rows: Deque;
  /** Whether the shape's list of ready queues has it. */
  listed: boolean;
}

export interface ShapeBook extends Shape {
  /** Queues that have parts and credit, next one first. */
  ready: Queue[];
  /** Whose lease of it ran dry last, until that lease ends. */
  warm: WorkerBook | undefined;
  /** Parts in all its queues, with credit or without. */
  waiting: number;
  /** Those on their way over PUSH. */
  pushed: number;
  /** Parts that run alone: each waits for a worker of its own. */
  readonly solo: Deque;
  /** Why no part of it can be placed; and whether parts fail that no worker which is here could ever run. */
  refusal: string | undefined;
  hasty: boolean;
  /** Whether any worker of this epoch ever served it. */
  served: boolean;
  warned: boolean;
}

export type StreamState = 'open' | 'draining' | 'ended';
export type StreamMove = 'end' | 'finish' | 'cancel';

/** Legal moves of a stream. 'draining': all its jobs are known. */
export const STREAM_MOVES = {
  open: { end: 'draining', cancel: 'ended' },
  draining: { finish: 'ended', cancel: 'ended' },
  ended: {},
} as const satisfies Record<StreamState, Partial<Record<StreamMove, StreamState>>>;

/** A job whose parts are made by scatter, or whose results go through gather. */
export interface Job {
  readonly index: number;
  readonly function: string;
  readonly fields: Fields;
  readonly bytes: number;
  slot: number;
  scatter: 'waiting' | 'running' | 'paused' | 'ended';
  parts: number;
  readonly open: Set<number>;
  /** With gather: the newest result waits until it is known whether it is the last. */
  held: Raw | undefined;
  /** Results given to gather and not come back. */
  gathering: number;
  /** With gather: what will be delivered, and an error that ends the job. */
  readonly outputs: { slots: number[]; lengths: number[]; flags: number[]; bytes: number };
  error: number;
}

/** A result on its way to gather. */
export interface Raw {
  readonly job: Job;
  readonly part: number;
  readonly index: number;
  readonly slot: number;
  readonly function: string;
  last: boolean;
}

export interface Stream {
  readonly number: number;
  readonly session: Session;
  /** The consumer's number, the key of the part that it is a call of (0: none), and the public name. */
  readonly theirs: number;
  readonly parent: number;
  readonly id: string;
  readonly ordered: boolean;
  readonly fields: Fields;
  /** What its field `retries` asks for. */
  readonly retry: RetryRule | undefined;
  state: StreamState;
  /** The index of the next job is at least this: after a master was lost, those that are settled are not sent again. */
  nextJob: number;
  /** Jobs that came (`largest`: bytes, halved whenever the window is told), that ended, and how many there will be (-1: not known). */
  jobs: number;
  jobBytes: number;
  largest: number;
  ended: number;
  endedBytes: number;
  total: number;
  /** Credit for jobs as told (totals), and this stream's share of the buffer. */
  windowJobs: number;
  windowBytes: number;
  share: number;
  /** Credit for results (totals as granted), what was delivered, and what placed parts may still report. */
  results: number;
  resultBytes: number;
  /** The consumer's window: its first credit, in results and bytes. */
  readonly windowResults: number;
  readonly windowResultBytes: number;
  delivered: number;
  deliveredBytes: number;
  reserved: number;
  reservedBytes: number;
  /** Bytes that a part is granted for a start. */
  allowance: number;
  readonly parts: RowList;
  readonly queues: Map<number, Queue>;
  /** Parts that wait for a grant: key → bytes of the result that waits. */
  readonly hungry: Map<number, number>;
  readonly jobFields: Map<number, Fields>;
  /** Only with scatter or gather. */
  readonly books: Map<number, Job>;
  readonly toScatter: Job[];
  scattering: Job | undefined;
  readonly toGather: Raw[];
  gathering: Raw | undefined;
  /** Jobs that are whole and wait for the consumer's credit. */
  readonly whole: Job[];
  /** The next of them has no credit. */
  blocked: boolean;
  warned: boolean;
}

export function newSession(
  number: number,
  token: string,
  { role, name, fields }: { role: Role; name: string; fields: Fields },
  begunBy: string,
  now: number,
): Session {
  const lanes = { out: new Outbox(), controlIn: new Inbox(), reportsIn: new Inbox(), drafts: new Drafts() };
  const empty = { formerly: -1, spent: [], owedBytes: 0, unansweredCalls: 0, heardAtMs: now, worker: undefined };
  return { number, token, role, name, fields, begunBy, state: 'greeting', connection: -1, ...lanes, ...empty, streams: new Map() };
}

export function newStream(
  number: number,
  session: Session,
  open: { stream: number; parent: number; id: string; ordered: boolean; results: number; bytes: number; fields: Fields },
  retry: RetryRule | undefined,
): Stream {
  return {
    number,
    session,
    theirs: open.stream,
    parent: open.parent,
    id: open.id,
    ordered: open.ordered,
    fields: open.fields,
    retry,
    state: 'open',
    nextJob: 0,
    jobs: 0,
    jobBytes: 0,
    largest: 0,
    ended: 0,
    endedBytes: 0,
    total: -1,
    windowJobs: 0,
    windowBytes: 0,
    share: 0,
    results: open.results,
    resultBytes: open.bytes,
    windowResults: open.results,
    windowResultBytes: open.bytes,
    delivered: 0,
    deliveredBytes: 0,
    reserved: 0,
    reservedBytes: 0,
    allowance: 4_096,
    parts: rowList(),
    queues: new Map(),
    hungry: new Map(),
    jobFields: new Map(),
    books: new Map(),
    toScatter: [],
    scattering: undefined,
    toGather: [],
    gathering: undefined,
    whole: [],
    blocked: false,
    warned: false,
  };
}

export function newWorker(session: number, functions: readonly string[], slots: number, now: number): WorkerBook {
  const counts = { lent: 0, ended: 0, alone: 0, late: false, reportedAtMs: now, askedAtMs: now, silentSinceMs: -1 };
  const none = { leaving: false, doubted: undefined, lease: undefined, revoked: undefined };
  return {
    session,
    functions,
    slots,
    placed: rowList(),
    ghosts: new Set(),
    allocated: new Map(),
    placedOwn: 0,
    service: new ServiceTime(),
    loads: new Map(),
    load: new ShapeLoad(-1),
    ...counts,
    ...none,
  };
}

export function newJob(index: number, name: string, fields: Fields, slot: number, bytes: number): Job {
  const outputs = { slots: [], lengths: [], flags: [], bytes: 0 };
  const none = { parts: 0, held: undefined, gathering: 0, error: -1 };
  return { index, function: name, fields, bytes, slot, scatter: 'waiting', open: new Set(), outputs, ...none };
}
