/** What the executor keeps of a part while its function runs, or waits to go on. Pure. */
import { type Fields, fieldValue, mergeFields, unpackValue } from '../protocol/fields.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import type { Steps } from './answers.ts';
import type { RunInstruction } from './instructions.ts';

/** A result that waits for credit, in the store. */
export interface Waiting {
  readonly slot: number;
  readonly length: number;
}

/** A part whose function was begun. It is the scope of what the function calls itself. */
export class Task {
  readonly local: number;
  readonly record: PartsRecord;
  readonly row: number;
  readonly attempt: number;
  /** The run that began it. */
  readonly run: number;
  /** Whether it needs a lane: not if it was given resources of its own. */
  readonly lane: boolean;
  /** Results reported so far; what may still be reported. */
  index = 0;
  grants: number;
  bytes: number;
  /** A function that yields; and whether it is between two yields, so that it can be ended at once. */
  steps: Steps | undefined = undefined;
  suspended = false;
  /** What a generator is pulled in: its job's context. (A WeakMap would keep what it holds over every small garbage collection.) */
  scope: object | undefined = undefined;
  /** A result without credit, and whether it is the last. */
  waiting: Waiting | undefined = undefined;
  /** Since when it waits for credit (Infinity: it does not), and for how long it did before: its timeoutMs leaves that out. */
  #parkedAtMs = Infinity;
  #parkedMs = 0;
  over = false;
  /** Nobody wants it. */
  dropped = false;
  ended = false;
  /** Calls of its own that it waits for, and whether that was said. */
  calls = 0;
  lending = false;
  /** How long it has held a lane, and since when it does. */
  heldMs = 0;
  sinceMs: number;
  readonly #changed: (task: Task) => void;
  #controller: AbortController | undefined = undefined;
  #reason: DOMException | undefined = undefined;
  #end: AbortController | undefined = undefined;
  #soft: AbortController | undefined = undefined;
  #warning: DOMException | undefined = undefined;

  /** The part at a place of a run's columns. */
  constructor(from: RunInstruction, at: number, run: number, sinceMs: number, changed: (task: Task) => void) {
    this.local = from.locals[at] as number;
    this.record = from.records[at] as PartsRecord;
    this.row = from.rows[at] as number;
    this.attempt = from.attempts[at] as number;
    this.grants = from.grants[at] as number;
    this.bytes = from.bytes[at] as number;
    this.run = run;
    this.lane = at >= from.own;
    this.sinceMs = sinceMs;
    this.#changed = changed;
  }

  get parent(): number {
    return this.record.keys[this.row] as number;
  }

  get fields(): Fields {
    return mergeFields(this.record.fields, this.record.partFields[this.row] ?? []);
  }

  /** Whether nothing can limit its time: no job that came with it has fields or was given resources. */
  get untimed(): boolean {
    const { fields, partFields, allocations } = this.record;
    return fields.length === 0 && partFields.length === 0 && allocations.length === 0;
  }

  /** How long it may run by its walltime, and when it is to be told before. */
  get walltime(): { readonly hardMs: number; readonly softMs: number } | undefined {
    if (this.record.allocations.length === 0) return undefined;
    const { walltime } = this.allotted;
    const [hard, soft] = Array.isArray(walltime) ? (walltime as unknown[]) : [walltime];
    if (typeof hard !== 'number') return undefined;
    return { hardMs: hard * 1_000, softMs: typeof soft === 'number' ? soft * 1_000 : Infinity };
  }

  /** What it was given, by kind, as it came. */
  get allotted(): Readonly<Record<string, unknown>> {
    const packed = this.record.allocations[this.row];
    if (packed === undefined || packed.length === 0) return {};
    return unpackValue(packed) as Record<string, unknown>;
  }

  /** How long this attempt may take; 0: as long as it likes. */
  get timeoutMs(): number {
    if (this.record.fields.length === 0 && this.record.partFields.length === 0) return 0;
    const ms = fieldValue(this.fields, 'timeout');
    return typeof ms === 'number' && ms > 0 ? Math.min(ms, 2 ** 31 - 1) : 0;
  }

  /** Aborted before `signal` is, when the soft walltime is over. */
  get softSignal(): AbortSignal {
    this.#soft ??= new AbortController();
    if (this.#warning !== undefined) this.#soft.abort(this.#warning);
    return this.#soft.signal;
  }

  /** Its time will be over soon: its soft signal says so. */
  warn(reason: string): void {
    this.#warning = new DOMException(reason, 'TimeoutError');
    this.#soft?.abort(this.#warning);
  }

  /** Made when it is first asked for: most functions never do. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.dropped) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Nobody wants what it still gives; its signal says why. `name`: 'TimeoutError' if it took too long. */
  drop(reason: string, name: 'AbortError' | 'TimeoutError' = 'AbortError'): void {
    this.dropped = true;
    this.#reason ??= new DOMException(reason, name);
    this.#controller?.abort(this.#reason);
  }

  /** Aborted when the function has ended: for what must not outlive it. */
  get endSignal(): AbortSignal {
    this.#end ??= new AbortController();
    if (this.ended) this.#end.abort();
    return this.#end.signal;
  }

  /** The function has ended. */
  ends(): void {
    this.ended = true;
    this.#end?.abort();
  }

  /** It waits for credit. */
  get parked(): boolean {
    return this.#parkedAtMs < Infinity;
  }

  /** For how long it has waited for credit, in all. */
  parkedMs(nowMs: number): number {
    return this.#parkedMs + Math.max(0, nowMs - this.#parkedAtMs);
  }

  /** It waits for credit from now on, or has some again. */
  park(parked: boolean, nowMs: number): void {
    if (!parked) this.#parkedMs = this.parkedMs(nowMs);
    this.#parkedAtMs = parked ? nowMs : Infinity;
  }

  /** Its lane is free, or lent, from now on. */
  lets(nowMs: number): void {
    this.heldMs += Math.max(0, nowMs - this.sinceMs);
    this.sinceMs = Infinity;
  }

  /** It waits for something of its own, and lends its lane; or goes on. */
  waits(waiting: boolean): void {
    this.calls += waiting ? 1 : -1;
    if (this.calls === (waiting ? 1 : 0)) this.#changed(this);
  }
}
