/**
 * The table of parts: columns by row, no object per part. A part's key is its row and how often the row was used, from FIRST_KEY on;
 * keys go over the wire and are never used twice, so what speaks of an ended part is known for old.
 *
 * Rows are on two lists at a time: that of their stream (in the order of creation, so its head is the stream's oldest open part), and,
 * once placed, that of their worker (in the order of placing, so its head is what the worker has had longest).
 */
import type { Backoff } from '../common/backoff.ts';
import { Coded } from '../machine/coded.ts';
import type { WireErrorCode } from '../protocol/remote_error.ts';

type PartState = 'queued' | 'pushed' | 'placed' | 'ended';
type PartMove = 'place' | 'push' | 'requeue' | 'end';

/** Legal moves of a part. 'pushed': on its way over PUSH, nobody knows to whom. */
const PART_MOVES = {
  queued: { place: 'placed', push: 'pushed', end: 'ended' },
  pushed: { place: 'placed', requeue: 'queued', end: 'ended' },
  placed: { requeue: 'queued', end: 'ended' },
  ended: {},
} as const satisfies Record<PartState, Partial<Record<PartMove, PartState>>>;

const coded = new Coded<PartState, PartMove>('part', PART_MOVES);
export const PART: Readonly<Record<PartState, number>> = coded.state;
export const MOVE: Readonly<Record<PartMove, number>> = coded.move;

/** How often a part is tried again, and after what delays. */
export interface RetryRule extends Backoff {
  readonly attempts: number;
  /** Codes of the errors after which it is. */
  readonly on: readonly WireErrorCode[];
}

const ROWS = 2 ** 24;
/**
 * Keys are beyond the small integers from the first on. Else the first one that is comes when a row has been used 128 times, and all code
 * that reads keys is thrown away and compiled anew: half a second of the master's CPU while jobs wait.
 */
const FIRST_KEY = 2 ** 32;
const FIRST_ROWS = 256;

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
  next: Int32Array<ArrayBuffer> = new Int32Array(FIRST_ROWS);
  previous: Int32Array<ArrayBuffer> = new Int32Array(FIRST_ROWS);

  /** @param written how many of the rows may be on a list */
  grow(rows: number, written: number): void {
    this.next = integers(this.next, rows, written);
    this.previous = integers(this.previous, rows, written);
  }

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

/** The same column with room for more rows, of which so many were written to: memory that nobody has written to takes none. */
function numbers(column: Float64Array<ArrayBuffer>, rows: number, written: number): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(rows);
  larger.set(column.subarray(0, written));
  return larger;
}

function integers(column: Int32Array<ArrayBuffer>, rows: number, written: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(rows);
  larger.set(column.subarray(0, written));
  return larger;
}

/** Columns of what happens to a part from when it is first placed on. */
const LATER = { numbers: ['index', 'grantBytes'], integers: ['attempt', 'strikes', 'failures', 'worker', 'given', 'grant'] } as const;
const FIRST = {
  numbers: ['key', 'stream', 'job', 'part', 'slot', 'bytes'],
  integers: ['state', 'shape', 'allocation', 'lostBefore', 'solo'],
} as const;

const newNumbers = (): Float64Array<ArrayBuffer> => new Float64Array(FIRST_ROWS);
const newIntegers = (): Int32Array<ArrayBuffer> => new Int32Array(FIRST_ROWS);

export class Parts {
  key: Float64Array<ArrayBuffer> = newNumbers();
  /** One of PART. */
  state: Int32Array<ArrayBuffer> = newIntegers();
  /** The stream's number, the job's index in it, the part's in the job. */
  stream: Float64Array<ArrayBuffer> = newNumbers();
  job: Float64Array<ArrayBuffer> = newNumbers();
  part: Float64Array<ArrayBuffer> = newNumbers();
  shape: Int32Array<ArrayBuffer> = newIntegers();
  /** Where the payload is, and its length. */
  slot: Float64Array<ArrayBuffer> = newNumbers();
  bytes: Float64Array<ArrayBuffer> = newNumbers();
  /** Tries so far, and workers that died of it. */
  attempt: Int32Array<ArrayBuffer> = newIntegers();
  strikes: Int32Array<ArrayBuffer> = newIntegers();
  /** Who else may have died of it, workers that were lost before it came, and whether (1) it waits to run alone (suspicion.ts). */
  readonly doubts: (Set<number> | undefined)[] = [];
  lostBefore: Int32Array<ArrayBuffer> = newIntegers();
  solo: Int32Array<ArrayBuffer> = newIntegers();
  /** How often it was tried again since its function threw. */
  failures: Int32Array<ArrayBuffer> = newIntegers();
  /** The session of the worker that has it (0: none), and as which attempt. */
  worker: Int32Array<ArrayBuffer> = newIntegers();
  given: Int32Array<ArrayBuffer> = newIntegers();
  /** What it has of its worker's resources, by number; -1: nothing, but a slot. */
  allocation: Int32Array<ArrayBuffer> = newIntegers();
  /** The index of the next result that is taken. */
  index: Float64Array<ArrayBuffer> = newNumbers();
  /** What its worker may still report: results, and bytes. */
  grant: Int32Array<ArrayBuffer> = newIntegers();
  grantBytes: Float64Array<ArrayBuffer> = newNumbers();
  readonly ofStream: Links = new Links();
  readonly ofWorker: Links = new Links();
  /** By row: whether it is tried again when its function throws. Few ask for it. */
  readonly #retry = new Map<number, RetryRule>();
  readonly #free: number[] = [];
  #rows = 0;
  /** All rows of parts to which anything has happened yet are below this: from there on, columns of what happens later are zero. */
  #placed = 0;
  #open = 0;

  /** How many parts are open. */
  get open(): number {
    return this.#open;
  }

  /** The shapes of all that are open. */
  shapesInUse(): Set<number> {
    const used = new Set<number>();
    for (let row = 0; row < this.#rows; row += 1) if (this.state[row] !== PART.ended) used.add(this.shape[row] as number);
    return used;
  }

  create(stream: number, job: number, part: number, shape: number, slot: number, bytes: number): number {
    let row = this.#free.pop();
    if (row === undefined) {
      row = this.#rows;
      if (row === this.key.length) this.#grow(row * 2);
      this.#rows += 1;
    }
    const used = this.key[row] as number;
    this.key[row] = used === 0 ? row + FIRST_KEY : used + ROWS;
    this.state[row] = PART.queued;
    this.stream[row] = stream;
    this.job[row] = job;
    this.part[row] = part;
    this.shape[row] = shape;
    this.slot[row] = slot;
    this.bytes[row] = bytes;
    this.allocation[row] = -1;
    this.lostBefore[row] = 0;
    this.solo[row] = 0;
    if (row < this.#placed) this.#clear(row);
    this.#open += 1;
    return row;
  }

  /** Lets go of what has happened to the part that had the row. */
  #clear(row: number): void {
    this.attempt[row] = 0;
    this.strikes[row] = 0;
    this.failures[row] = 0;
    this.worker[row] = 0;
    this.given[row] = 0;
    this.grant[row] = 0;
    this.index[row] = 0;
    this.grantBytes[row] = 0;
  }

  /** The row of an open part, or -1: the key is old, or was never given. */
  find(key: number): number {
    const row = (key - Math.floor(key / ROWS) * ROWS) | 0;
    return key > 0 && this.key[row] === key && this.state[row] !== PART.ended ? row : -1;
  }

  /** Whether a worker speaks of an attempt that it has had before the one that it has now: what came of that one is no word on this. */
  isOutdated(row: number, session: number, attempt: number): boolean {
    return this.worker[row] === session && attempt < (this.given[row] as number);
  }

  /** What its client asked for, or undefined: it is tried once. */
  retry(row: number): RetryRule | undefined {
    return this.#retry.size === 0 ? undefined : this.#retry.get(row);
  }

  setRetry(row: number, rule: RetryRule): void {
    this.#retry.set(row, rule);
  }

  /** @param move one of MOVE */
  move(row: number, move: number): void {
    this.state[row] = coded.next(this.state[row] as number, move);
    if (row >= this.#placed) this.#placed = row + 1;
  }

  /** Ends a part; its row may be used again, half a billion times. */
  end(row: number): void {
    this.move(row, MOVE.end);
    if (row < this.doubts.length) this.doubts[row] = undefined;
    if (this.#retry.size > 0) this.#retry.delete(row);
    // Its next key would be beyond the integers that a double can tell apart: a row is lost for half a billion jobs.
    if ((this.key[row] as number) <= Number.MAX_SAFE_INTEGER - ROWS) this.#free.push(row);
    this.#open -= 1;
  }

  #grow(rows: number): void {
    for (const name of FIRST.numbers) this[name] = numbers(this[name], rows, this.#rows);
    for (const name of FIRST.integers) this[name] = integers(this[name], rows, this.#rows);
    for (const name of LATER.numbers) this[name] = numbers(this[name], rows, this.#placed);
    for (const name of LATER.integers) this[name] = integers(this[name], rows, this.#placed);
    this.ofStream.grow(rows, this.#rows);
    this.ofWorker.grow(rows, this.#placed);
  }
}

/**
 * A number of these columns as the small integer that it mostly is. V8 has it as a double, and a list of doubles is another kind than one of
 * small integers: who meets both kinds is slow.
 */
export function small(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}
