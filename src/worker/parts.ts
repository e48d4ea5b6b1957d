/**
 * The table of parts that a worker has: columns by local number, no object per part. A local number is used again when its part has
 * ended; the key, which the master gave, is not. What a part is about stays in the record that brought it, at its row.
 *
 * A lane is one of the worker's slots. Which states hold one is said in HOLDS_LANE; the other open states have lent theirs. A part that was
 * given resources of its own needs no lane, and never holds one.
 */
import { Coded } from '../machine/coded.ts';
import { Deque } from '../machine/deque.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import type { RunInstruction } from './instructions.ts';
import { KeyTable } from './key_table.ts';

/**
 * queued: not begun. offered: the executor may begin it, and says in this very turn whether it did. running: its function runs.
 * waiting: no credit, and too many are parked. parked: no credit. lending: its function waits for a call of its own. ready: may go on
 * when a lane is free. aborting: nobody wants it, but its function has not ended.
 */
type PartState = 'queued' | 'offered' | 'running' | 'waiting' | 'parked' | 'lending' | 'ready' | 'aborting' | 'ended';
type PartMove = 'offer' | 'keep' | 'begin' | 'wait' | 'park' | 'lend' | 'ready' | 'go' | 'abort' | 'leave' | 'end';

/** Legal moves of a part. */
const PART_MOVES = {
  queued: { offer: 'offered', leave: 'ended' },
  offered: { keep: 'queued', begin: 'running' },
  running: { wait: 'waiting', park: 'parked', lend: 'lending', abort: 'aborting', end: 'ended' },
  waiting: { park: 'parked', go: 'running', abort: 'aborting', end: 'ended' },
  parked: { ready: 'ready', abort: 'aborting', end: 'ended' },
  lending: { park: 'parked', go: 'running', abort: 'aborting', end: 'ended' },
  ready: { go: 'running', abort: 'aborting', end: 'ended' },
  aborting: { end: 'ended' },
  ended: {},
} as const satisfies Record<PartState, Partial<Record<PartMove, PartState>>>;

const coded = new Coded<PartState, PartMove>('part', PART_MOVES);
export const PART: Readonly<Record<PartState, number>> = coded.state;
export const MOVE: Readonly<Record<PartMove, number>> = coded.move;

const HOLDS_LANE = [PART.running, PART.waiting, PART.aborting] as const;

const STATES = Object.keys(PART).length;

export class Parts {
  readonly key: number[] = [];
  /** One of PART. */
  readonly state: number[] = [];
  readonly attempt: number[] = [];
  /** Where the part is described: a record, and the row in it. */
  readonly record: (PartsRecord | undefined)[] = [];
  readonly row: number[] = [];
  /** The payload. */
  readonly slot: number[] = [];
  /** Results reported so far. */
  readonly index: number[] = [];
  /** Results that it may still report, and their bytes. */
  readonly grants: number[] = [];
  readonly bytes: number[] = [];
  /** While it waits for credit: the length of the result that waits, and whether its function has ended. */
  readonly wanted: number[] = [];
  readonly over: boolean[] = [];
  /** Whether it came by PUSH. */
  readonly pushed: boolean[] = [];
  /** Its session is gone: nothing of it is reported any more. */
  readonly mute: boolean[] = [];
  /** Whether it was given resources, and needs no lane. */
  readonly own: boolean[] = [];
  /** Parts with resources of their own whose session is gone: until they end, nobody else may have these. */
  #orphans = 0;
  readonly #free: number[] = [];
  readonly #byKey = new KeyTable();
  /** How many of the parts that need lanes are in each state, and of those that need none. */
  readonly #counts = new Int32Array(STATES);
  readonly #ownCounts = new Int32Array(STATES);
  readonly #queue = new Deque();
  readonly #ownQueue = new Deque();

  /** Parts that have not ended. */
  get open(): number {
    return this.state.length - this.#free.length;
  }

  /** Whether its function has begun, and has not ended. */
  isBegun(local: number): boolean {
    const state = this.state[local];
    return local >= 0 && state !== PART.queued && state !== PART.offered && state !== PART.ended;
  }

  /** How many of the parts that need lanes are in a state, one of PART. */
  count(state: number): number {
    return this.#counts[state] as number;
  }

  /** Lanes in use. */
  get held(): number {
    let held = 0;
    for (const state of HOLDS_LANE) held += this.count(state);
    return held;
  }

  /** Local numbers of all open parts. */
  *locals(): Generator<number, void> {
    for (let local = 0; local < this.state.length; local += 1) if (this.state[local] !== PART.ended) yield local;
  }

  /** The local number of an open part, or -1. */
  find(key: number): number {
    return this.#byKey.get(key);
  }

  /** The same for a part that comes: one that is here, but was aborted, begins anew. */
  wantedBy(key: number): number {
    const local = this.find(key);
    if (local < 0 || this.state[local] !== PART.aborting) return local;
    this.supersede(local);
    return -1;
  }

  /** Adds the part at a row of a record to the end of the queue. */
  add(record: PartsRecord, row: number, pushed: boolean): void {
    const local = this.#free.pop() ?? this.state.length;
    const key = record.keys[row] as number;
    this.key[local] = key;
    this.state[local] = PART.queued;
    this.attempt[local] = record.attempts[row] as number;
    this.record[local] = record;
    this.row[local] = row;
    this.slot[local] = record.slots[row] as number;
    this.index[local] = 0;
    this.grants[local] = record.grants[row] as number;
    this.bytes[local] = record.bytes[row] as number;
    this.wanted[local] = 0;
    this.over[local] = false;
    this.pushed[local] = pushed;
    this.mute[local] = false;
    this.own[local] = (record.allocations[row]?.length ?? 0) > 0;
    this.#tally(local, PART.queued, 1);
    this.#byKey.set(key, local);
    this.#queueOf(local).push(local);
  }

  #tally(local: number, state: number, more: number): void {
    const counts = this.own[local] === true ? this.#ownCounts : this.#counts;
    counts[state] = (counts[state] as number) + more;
  }

  #queueOf(local: number): Deque {
    return this.own[local] === true ? this.#ownQueue : this.#queue;
  }

  /** @param move one of MOVE */
  move(local: number, move: number): void {
    const from = this.state[local] as number;
    const to = coded.next(from, move);
    this.#tally(local, from, -1);
    this.state[local] = to;
    if (to !== PART.ended) return this.#tally(local, to, 1);
    this.supersede(local);
    if (this.own[local] === true && this.mute[local] === true) this.#orphans -= 1;
    this.record[local] = undefined;
    this.#free.push(local);
  }

  /** Its key is that of a newer attempt from now on; its own end is still reported. */
  supersede(local: number): void {
    const key = this.key[local] as number;
    if (this.#byKey.get(key) === local) this.#byKey.delete(key);
  }

  /** Forgets the key, which another session may use again; the part itself goes on until its function has ended, and nobody is told. */
  silence(local: number): void {
    this.supersede(local);
    if (this.own[local] === true && this.mute[local] !== true) this.#orphans += 1;
    this.mute[local] = true;
  }

  /** Whether what it waits for is covered by its credit. */
  affordable(local: number): boolean {
    return (this.grants[local] as number) > 0 && (this.wanted[local] as number) <= (this.bytes[local] as number);
  }

  /**
   * Parts that wait for credit lend their lanes after all: to so many that were granted some, and to older ones of the same stream, on
   * which their credit may depend.
   */
  makeWay(ready: number): void {
    const oldest = this.#oldestQueued();
    let left = ready;
    for (const local of this.locals()) {
      if (this.state[local] !== PART.waiting) continue;
      const record = this.record[local] as PartsRecord;
      const older = (record.jobs[this.row[local] as number] as number) > (oldest.get(record.stream) ?? Infinity);
      if (left <= 0 && !older) continue;
      left -= 1;
      this.move(local, MOVE.park);
    }
  }

  /** The lowest job in the queue of each stream. */
  #oldestQueued(): Map<number, number> {
    const oldest = new Map<number, number>();
    for (let left = this.#queue.size; left > 0; left -= 1) {
      const local = this.#queue.shift() as number;
      this.#queue.push(local);
      const { stream, jobs } = this.record[local] as PartsRecord;
      oldest.set(stream, Math.min(oldest.get(stream) ?? Infinity, jobs[this.row[local] as number] as number));
    }
    return oldest;
  }

  /** Takes up to `most` parts that need lanes (or that need none: `own`) from the front of their queue, as offered. */
  offer(most: number, own: boolean): number[] {
    // What another session gave is not known to this one, which may give it again.
    if (own && this.#orphans > 0) return [];
    const queue = own ? this.#ownQueue : this.#queue;
    let offered: number[] = [];
    while (offered.length < most) {
      const local = queue.shift();
      if (local === undefined) break;
      this.move(local, MOVE.offer);
      if (offered.length === 0) offered = [local];
      else offered.push(local);
    }
    return offered;
  }

  /** The instruction to run these. */
  run(ready: readonly number[], free: number, own: number, locals: readonly number[]): RunInstruction {
    const { record, row, attempt, slot, grants, bytes } = this;
    return {
      type: 'run',
      ready,
      free,
      own,
      locals,
      records: these(record, locals) as PartsRecord[],
      rows: these(row, locals),
      attempts: these(attempt, locals),
      slots: these(slot, locals),
      grants: these(grants, locals),
      bytes: these(bytes, locals),
    };
  }

  /** Puts those from `from` on back to the front, in their order. */
  giveBack(offered: readonly number[], from: number): void {
    for (let i = offered.length - 1; i >= from; i -= 1) {
      const local = offered[i] as number;
      this.move(local, MOVE.keep);
      this.#queueOf(local).unshift(local);
    }
  }

  /** Takes these out of the queue. */
  leave(locals: readonly number[]): void {
    const leaving = new Set(locals);
    for (const queue of [this.#queue, this.#ownQueue]) {
      for (let left = queue.size; left > 0; left -= 1) {
        const local = queue.shift() as number;
        if (leaving.has(local)) this.move(local, MOVE.leave);
        else queue.push(local);
      }
    }
  }
}

/** What a column has for these. Mostly it is one. */
function these<T>(column: readonly T[], locals: readonly number[]): T[] {
  if (locals.length === 1) return [column[locals[0] as number] as T];
  const values: T[] = [];
  for (const local of locals) values.push(column[local] as T);
  return values;
}
