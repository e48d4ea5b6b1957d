/** A function that runs in a simulated worker. */
import { fieldValue, mergeFields } from '../protocol/fields.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import type { RunInstruction } from '../worker/instructions.ts';
import type { PartPlan } from './plans.ts';

/** What a function waits for that is its own: a stream, or the answer to a call. */
export interface Waiting {
  /** The function was told to stop. */
  stop(): void;
}

const NOTHING = new Uint8Array();

export class Task {
  readonly local: number;
  readonly key: number;
  readonly id: string;
  readonly job: number;
  readonly part: number;
  readonly name: string;
  readonly attempt: number;
  /** The run that began it, and whether it needs a lane. */
  readonly run: number;
  readonly lane: boolean;
  /** What it was given of the worker's resources, packed. */
  readonly allotted: Uint8Array;
  /** The life of the master that gave it. */
  readonly epoch: string;
  readonly plan: PartPlan;
  /** How long this attempt may take; 0: as long as it likes. */
  readonly timeoutMs: number;
  /** Results reported so far; what may still be reported. */
  index = 0;
  grants: number;
  bytes: number;
  /** Its next step is under way; else it is between two yields, or waits. */
  stepping = true;
  /** Bytes of a result without credit, and whether it is the last. */
  waiting: number | undefined = undefined;
  over = false;
  dropped = false;
  ended = false;
  /** It waits for credit, since when, and how long it did before. */
  parked = false;
  #parkedAtMs = 0;
  #parkedMs = 0;
  readonly #begunMs: number;
  /** It waits for something of its own; and whether that was said. */
  waitsFor: Waiting | undefined = undefined;
  lending = false;
  heldMs = 0;
  sinceMs: number;

  constructor(
    from: RunInstruction,
    at: number,
    { run, epoch, nowMs, plan }: { run: number; epoch: string; nowMs: number; plan: (record: PartsRecord, row: number) => PartPlan },
  ) {
    const record = from.records[at] as PartsRecord;
    const row = from.rows[at] as number;
    this.local = from.locals[at] as number;
    this.key = record.keys[row] as number;
    this.id = record.id;
    this.job = record.jobs[row] as number;
    this.part = record.parts[row] as number;
    this.name = record.function;
    this.attempt = from.attempts[at] as number;
    this.grants = from.grants[at] as number;
    this.bytes = from.bytes[at] as number;
    this.run = run;
    this.lane = at >= from.own;
    this.allotted = record.allocations[row] ?? NOTHING;
    this.epoch = epoch;
    this.plan = plan(record, row);
    const fields = mergeFields(record.fields, record.partFields[row] ?? []);
    const timeoutMs = fields.length === 0 ? 0 : fieldValue(fields, 'timeout');
    this.timeoutMs = typeof timeoutMs === 'number' ? timeoutMs : 0;
    this.sinceMs = nowMs;
    this.#begunMs = nowMs;
  }

  /** It holds a lane. */
  get holds(): boolean {
    return this.lane && !this.ended && this.waitsFor === undefined && this.waiting === undefined;
  }

  /** It begins to wait for credit. */
  parks(nowMs: number): void {
    this.parked = true;
    this.#parkedAtMs = nowMs;
    this.lets(nowMs);
  }

  goesOn(nowMs: number): void {
    if (this.parked) this.#parkedMs += nowMs - this.#parkedAtMs;
    this.parked = false;
  }

  /** How much of its timeoutMs is left. */
  leftMs(nowMs: number): number {
    const parkedMs = this.#parkedMs + (this.parked ? nowMs - this.#parkedAtMs : 0);
    return this.timeoutMs - (nowMs - this.#begunMs - parkedMs);
  }

  lets(nowMs: number): void {
    this.heldMs += Math.max(0, nowMs - this.sinceMs);
    this.sinceMs = Infinity;
  }
}

/** What happened to tasks since it was last told: the columns of the next `ran`. */
export class Columns {
  readonly locals: number[] = [];
  readonly indexes: number[] = [];
  readonly flags: number[] = [];
  readonly slots: number[] = [];
  readonly lengths: number[] = [];
  readonly waits: number[] = [];
  readonly wanted: number[] = [];
  readonly over: boolean[] = [];
  readonly lends: number[] = [];
  readonly goesOn: number[] = [];
  busyMs = 0;

  get isEmpty(): boolean {
    return this.locals.length + this.waits.length + this.lends.length + this.goesOn.length === 0;
  }

  entry(task: Task, flags: number, slot: number, length: number): void {
    this.locals.push(task.local);
    this.indexes.push(task.index);
    this.flags.push(flags);
    this.slots.push(slot);
    this.lengths.push(length);
  }

  wait(task: Task): void {
    this.waits.push(task.local);
    this.wanted.push(task.waiting ?? 0);
    this.over.push(task.over);
  }
}
