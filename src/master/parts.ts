/**
 * The table of parts: columns by row, no object per part. A part's key is its row and how often the row was used; keys go over the
 * wire and are never used twice, so what speaks of an ended part is known for old.
 *
 * Rows are on two lists at a time: that of their stream (in the order of creation, so its head is the stream's oldest open part), and,
 * once placed, that of their worker (in the order of placing, so its head is what the worker has had longest).
 */
import type { WireErrorCode } from '../protocol/remote_error.ts';
import { moved } from '../protocol/session.ts';

export type PartState = 'queued' | 'pushed' | 'placed' | 'ended';
export type PartMove = 'place' | 'push' | 'requeue' | 'end';

/** Legal moves of a part. 'pushed': on its way over PUSH, nobody knows to whom. */
const PART_MOVES = {
  queued: { place: 'placed', push: 'pushed', end: 'ended' },
  pushed: { place: 'placed', requeue: 'queued', end: 'ended' },
  placed: { requeue: 'queued', end: 'ended' },
  ended: {},
} as const satisfies Record<PartState, Partial<Record<PartMove, PartState>>>;

/** How often a part is tried again, and after what delays. */
export interface RetryRule {
  readonly attempts: number;
  /** Codes of the errors after which it is. */
  readonly on: readonly WireErrorCode[];
  readonly minMs: number;
  readonly maxMs: number;
  readonly factor: number;
}

const ROWS = 2 ** 24;

/** The ends of a list of rows; -1: empty. */
export interface RowList {
  head: number;
  tail: number;
  size: number;
}

export function rowList(): RowList {
  return { head: -1, tail: -1, size: 0 };
}

/** Columns that link rows to their neighbours. */
class Links {
  readonly next: number[] = [];
  readonly previous: number[] = [];

  add(list: RowList, row: number): void {
    this.next[row] = -1;
    this.previous[row] = list.tail;
    if (list.tail >= 0) this.next[list.tail] = row;
    else list.head = row;
    list.tail = row;
    list.size += 1;
  }

  remove(list: RowList, row: number): void {
    const next = this.next[row] as number;
    const previous = this.previous[row] as number;
    if (previous >= 0) this.next[previous] = next;
    else list.head = next;
    if (next >= 0) this.previous[next] = previous;
    else list.tail = previous;
    list.size -= 1;
  }
}

export class Parts {
  readonly key: number[] = [];
  readonly state: PartState[] = [];
  /** The stream's number, the job's index in it, the part's in the job. */
  readonly stream: number[] = [];
  readonly job: number[] = [];
  readonly part: number[] = [];
  readonly shape: number[] = [];
  /** Where the payload is, and its length. */
  readonly slot: number[] = [];
  readonly bytes: number[] = [];
  /** Tries so far, and workers that died of it. */
  readonly attempt: number[] = [];
  readonly strikes: number[] = [];
  /** Who else may have died of it, workers that were lost before it came, and whether it waits to run alone (suspicion.ts). */
  readonly doubts: (Set<number> | undefined)[] = [];
  readonly lostBefore: number[] = [];
  readonly solo: boolean[] = [];
  /** Whether it is tried again when its function throws, and how often it has. */
  readonly retry: (RetryRule | undefined)[] = [];
  readonly failures: number[] = [];
  /** The session of the worker that has it (0: none), and as which attempt. */
  readonly worker: number[] = [];
  readonly given: number[] = [];
  /** What it has of its worker's resources, by number; -1: nothing, but a slot. */
  readonly allocation: number[] = [];
  /** The index of the next result that is taken. */
  readonly index: number[] = [];
  /** What its worker may still report: results, and bytes. */
  readonly grant: number[] = [];
  readonly grantBytes: number[] = [];
  readonly ofStream: Links = new Links();
  readonly ofWorker: Links = new Links();
  readonly #free: number[] = [];
  #open = 0;

  /** How many parts are open. */
  get open(): number {
    return this.#open;
  }

  create(stream: number, job: number, part: number, shape: number, slot: number, bytes: number): number {
    const row = this.#free.pop() ?? this.key.length;
    const used = this.key[row];
    this.key[row] = used === undefined ? row + ROWS : used + ROWS;
    this.state[row] = 'queued';
    this.stream[row] = stream;
    this.job[row] = job;
    this.part[row] = part;
    this.shape[row] = shape;
    this.slot[row] = slot;
    this.bytes[row] = bytes;
    this.attempt[row] = 0;
    this.strikes[row] = 0;
    this.doubts[row] = undefined;
    this.lostBefore[row] = 0;
    this.solo[row] = false;
    this.retry[row] = undefined;
    this.failures[row] = 0;
    this.worker[row] = 0;
    this.given[row] = 0;
    this.allocation[row] = -1;
    this.index[row] = 0;
    this.grant[row] = 0;
    this.grantBytes[row] = 0;
    this.#open += 1;
    return row;
  }

  /** The row of an open part, or -1: the key is old, or was never given. */
  find(key: number): number {
    const row = key % ROWS;
    return this.key[row] === key && this.state[row] !== 'ended' ? row : -1;
  }

  /** Whether a worker speaks of an attempt that it has had before the one that it has now: what came of that one is no word on this. */
  isOutdated(row: number, session: number, attempt: number): boolean {
    return this.worker[row] === session && attempt < (this.given[row] as number);
  }

  move(row: number, move: PartMove): void {
    this.state[row] = moved(PART_MOVES, 'part', this.state[row] as PartState, move);
  }

  /** Ends a part; its row may be used again. */
  end(row: number): void {
    this.move(row, 'end');
    this.doubts[row] = undefined;
    this.#free.push(row);
    this.#open -= 1;
  }
}
