/** What has happened to parts since it was last told: the columns of the next `ran`. Results are copied, if they are small. Pure. */
import { viewOf } from '../common/bytes_of.ts';
import { Packer } from '../protocol/packer.ts';
import { failureFlags } from '../protocol/part_records.ts';
import { type PayloadStore, SMALL_BYTES } from '../protocol/payloads.ts';
import { encodeError } from '../protocol/remote_error.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import type { Failure } from './answers.ts';
import type { RanEvent } from './events.ts';
import type { Task, Waiting } from './task.ts';

/** Stands for the slot of a payload that is packed: slots are known when they are told. */
const PACKED = -2;
const NOTHING = -1;

export class Ledger {
  /** The time, as it was last looked at. */
  clockMs = 0;
  blockedMs = 0;
  #busyMs = 0;
  #locals: number[] = [];
  #indexes: number[] = [];
  #flags: number[] = [];
  #slots: number[] = [];
  #lengths: number[] = [];
  #waits: number[] = [];
  #wanted: number[] = [];
  #over: boolean[] = [];
  #changed: Task[] = [];

  readonly #store: PayloadStore;
  readonly #packer = new Packer();
  readonly #worker: string;

  readonly #ended: (task: Task) => void;

  /** @param ended told of each part that has ended */
  constructor(store: PayloadStore, worker: string, ended: (task: Task) => void) {
    this.#store = store;
    this.#worker = worker;
    this.#ended = ended;
  }

  get isEmpty(): boolean {
    return this.#locals.length === 0 && this.#waits.length === 0 && this.#changed.length === 0;
  }

  /** A result, which must have credit. */
  result(task: Task, bytes: Uint8Array): void {
    this.#result(task, bytes, ENTRY.result);
  }

  /** The last result: the part has ended. */
  last(task: Task, bytes: Uint8Array): void {
    this.#result(task, bytes, ENTRY.result | ENTRY.partEnd);
    this.#end(task);
  }

  /** The part has ended, with no further result. */
  empty(task: Task): void {
    if (task.ended) return;
    this.#entry(task, ENTRY.partEnd, NOTHING, 0);
    this.#end(task);
  }

  /** The part has failed. */
  failure(task: Task, failure: Failure): void {
    this.#error(task, failure, failureFlags(failure.code));
    this.#end(task);
  }

  /** The part has failed, but its function has not ended: it holds its lane until it does. */
  overdue(task: Task, message: string): void {
    this.#error(task, { code: 'timed-out', message }, failureFlags('timed-out') - ENTRY.partEnd);
  }

  #error(task: Task, failure: Failure, flags: number): void {
    const about = { function: task.record.function, worker: this.#worker, attempts: task.attempt, phase: '', stack: '' };
    const bytes = encodeError({ ...about, ...failure });
    this.#packer.add(bytes, bytes.length);
    this.#entry(task, flags, PACKED, bytes.length);
  }

  #result(task: Task, bytes: Uint8Array, flags: number): void {
    this.#packer.add(bytes, bytes.length);
    this.#told(task, flags, PACKED, bytes.length);
  }

  #told(task: Task, flags: number, slot: number, length: number): void {
    this.#entry(task, flags, slot, length);
    task.index += 1;
    task.grants -= 1;
    task.bytes -= length;
  }

  #end(task: Task): void {
    task.ends();
    task.lets(this.clockMs);
    this.#busyMs += task.heldMs;
    this.#ended(task);
  }

  #entry(task: Task, flags: number, slot: number, length: number): void {
    if (this.#locals.length === 0) {
      this.#locals = [task.local];
      this.#indexes = [task.index];
      this.#flags = [flags];
      this.#slots = [slot];
      this.#lengths = [length];
      return;
    }
    this.#locals.push(task.local);
    this.#indexes.push(task.index);
    this.#flags.push(flags);
    this.#slots.push(slot);
    this.#lengths.push(length);
  }

  /** It waits for credit, perhaps with a result. */
  wait(task: Task, bytes: Uint8Array | undefined): void {
    if (bytes !== undefined)
      task.waiting = { slot: this.#store.put(bytes.length <= SMALL_BYTES ? Buffer.from(viewOf(bytes)) : bytes), length: bytes.length };
    task.park(true, this.clockMs);
    task.lets(this.clockMs);
    this.#waits.push(task.local);
    this.#wanted.push(bytes?.length ?? 0);
    this.#over.push(task.over);
  }

  /** It has credit for the result that waited. */
  go(task: Task, { slot, length }: Waiting): void {
    task.waiting = undefined;
    this.#told(task, task.over ? ENTRY.result | ENTRY.partEnd : ENTRY.result, slot, length);
    if (task.over) this.#end(task);
  }

  /** Nobody wants the result that waits, if one does. */
  drop(task: Task): void {
    if (task.waiting !== undefined) this.#store.release(task.waiting.slot);
    task.waiting = undefined;
  }

  /** It has begun to wait for something of its own, or has ended to. */
  changed(task: Task): void {
    this.#changed.push(task);
  }

  close(begun: number, paused: boolean, now: number): RanEvent {
    const lends: number[] = [];
    const goesOn: number[] = [];
    for (const task of this.#changed) {
      const lending = task.calls > 0;
      if (task.ended || lending === task.lending) continue;
      task.lending = lending;
      (lending ? lends : goesOn).push(task.local);
    }
    const event: RanEvent = {
      type: 'ran',
      begun,
      locals: this.#locals,
      indexes: this.#indexes,
      flags: this.#flags,
      slots: this.#packed(),
      lengths: this.#lengths,
      waits: this.#waits,
      wanted: this.#wanted,
      over: this.#over,
      lends,
      goesOn,
      paused,
      busyMicros: Math.round(this.#busyMs * 1000),
      blockedMs: this.blockedMs,
      now,
    };
    this.blockedMs = 0;
    this.#busyMs = 0;
    this.#locals = [];
    this.#indexes = [];
    this.#flags = [];
    this.#slots = [];
    this.#lengths = [];
    this.#waits = [];
    this.#wanted = [];
    this.#over = [];
    this.#changed = [];
    return event;
  }

  /** The slots of all entries: those that were packed get theirs now. */
  #packed(): readonly number[] {
    if (this.#packer.count === 0) return this.#slots;
    const { slots } = this.#packer.take(this.#store);
    if (slots.length === this.#slots.length) return slots;
    let at = 0;
    return this.#slots.map((slot) => (slot === PACKED ? (slots[at++] as number) : slot));
  }
}
