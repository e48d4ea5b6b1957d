/** Runs functions that take virtual time. What worker/executor.ts is in production: the same instructions, and the same `ran`. */
import { failureFlags, type PartsRecord } from '../protocol/part_records.ts';
import type { WireErrorCode } from '../protocol/remote_error.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import type { RanEvent } from '../worker/events.ts';
import type { RunInstruction } from '../worker/instructions.ts';
import type { Kernel } from './kernel.ts';
import type { SymbolicStore } from './payloads.ts';
import { Columns, Task, type Waiting } from './tasks.ts';
import type { PartPlan, Plans } from './plans.ts';
import { type OfferedResources, overAllocated } from './tenancy.ts';

/** A turn lasts so long; a function that blocks may make it longer. */
const SLICE_MS = 1;
const ERROR_BYTES = 100;
const WAITS_FOR_CREDIT = 0;

export interface ExecutorOptions {
  readonly kernel: Kernel;
  readonly store: SymbolicStore;
  readonly plans: Plans;
  readonly slots: number;
  readonly resources: OfferedResources | undefined;
  readonly name: string;
  readonly later: (ms: number, act: () => void) => void;
  /** A function begins. */
  readonly begins: (task: Task) => void;
  /** A function calls another: the stream that it waits for. */
  readonly calls: (task: Task, over: (well: boolean) => void) => Waiting;
  /** A function asks the cache. */
  readonly asks: (task: Task, over: () => void) => void;
  /** A function kills its process, after so long. */
  readonly kills: (ms: number, task: Task) => void;
}

export class Executor {
  epoch = '';
  readonly #options: ExecutorOptions;
  readonly #tasks = new Map<number, Task>();
  #columns = new Columns();
  #changed: Task[] = [];
  #begun = -1;
  #runs = 0;
  #free = 0;
  #spentMs = 0;
  #blockedMs = 0;
  #paused: Task[] = [];
  /** Time that functions held lanes, in all. */
  busyMs = 0;

  constructor(options: ExecutorOptions) {
    this.#options = options;
  }

  /** How long the functions of this run kept the loop for themselves. */
  run(instruction: RunInstruction): number {
    const { kernel, slots, name } = this.#options;
    this.#begun = 0;
    this.#runs += 1;
    this.#free = instruction.free;
    this.#spentMs = 0;
    const paused = this.#paused;
    this.#paused = [];
    for (const task of paused) this.#pull(task);
    for (const local of instruction.ready) {
      const task = this.#task(local);
      task.waiting = undefined;
      task.sinceMs = kernel.nowMs;
      this.#pull(task);
    }
    while (this.#begun < instruction.locals.length && (this.#free > 0 || this.#begun < instruction.own) && this.#spentMs < SLICE_MS) {
      if (this.#begun >= instruction.own) this.#free -= 1;
      this.#begun += 1;
      this.#begin(instruction, this.#begun - 1);
      const held = [...this.#tasks.values()].filter((task) => task.holds).length;
      if (this.#begun > instruction.own && held > slots) kernel.blame(`${name} runs ${held} parts at a time, it has ${slots} slots`);
    }
    this.#blockedMs += this.#spentMs;
    return this.#spentMs;
  }

  #task(local: number): Task {
    return this.#tasks.get(local) ?? this.#options.kernel.blame(`${this.#options.name}: part ${local} is not begun`);
  }

  /** What happened since the last time, if anything did. Ends the run under way. */
  collect(): RanEvent | undefined {
    for (const task of this.#changed) {
      const lending = task.waitsFor !== undefined;
      if (task.ended || lending === task.lending) continue;
      task.lending = lending;
      (lending ? this.#columns.lends : this.#columns.goesOn).push(task.local);
    }
    this.#changed = [];
    if (this.#begun < 0 && this.#columns.isEmpty) return undefined;
    const { locals, indexes, flags, slots, lengths, waits, wanted, over, lends, goesOn, busyMs } = this.#columns;
    this.#columns = new Columns();
    const blockedMs = this.#blockedMs;
    this.#blockedMs = 0;
    const begun = Math.max(0, this.#begun);
    this.#begun = -1;
    const columns = { locals, indexes, flags, slots, lengths, waits, wanted, over, lends, goesOn };
    const times = { busyMicros: Math.round(busyMs * 1000), blockedMs, now: this.#options.kernel.nowMs };
    return { type: 'ran', begun, ...columns, paused: this.#paused.length > 0, ...times };
  }

  grant(locals: readonly number[], results: readonly number[], bytes: readonly number[]): void {
    locals.forEach((local, i) => {
      const task = this.#task(local);
      task.goesOn(this.#options.kernel.nowMs);
      task.grants += results[i] as number;
      task.bytes += bytes[i] as number;
      const { waiting } = task;
      if (waiting === undefined || waiting === WAITS_FOR_CREDIT || task.grants === 0 || waiting > task.bytes) return;
      task.waiting = WAITS_FOR_CREDIT;
      if (task.over) this.#last(task, waiting);
      else this.#result(task, waiting, ENTRY.result);
    });
  }

  abort(locals: readonly number[]): void {
    for (const local of locals) {
      const task = this.#tasks.get(local);
      if (task === undefined) continue;
      this.#drop(task);
    }
  }

  /** Nobody wants it: its function is told. */
  #drop(task: Task): void {
    task.dropped = true;
    if (task.waitsFor !== undefined) task.waitsFor.stop();
    else if (!task.stepping) this.#empty(task);
    else if (task.plan.spec.stubborn !== true) this.#options.later(this.#options.kernel.random.between(0, 2), () => this.#empty(task));
  }

  /** Looks after so long whether it took too long. What it waited for its consumer does not count. (Production: worker/timeouts.ts.) */
  #watch(task: Task, afterMs: number = task.timeoutMs): void {
    this.#options.later(afterMs, () => {
      if (task.ended || task.over || task.dropped) return;
      const leftMs = task.leftMs(this.#options.kernel.nowMs);
      if (task.parked || leftMs > 0) return this.#watch(task, Math.max(leftMs, task.parked ? task.timeoutMs : 0.01));
      this.#columns.entry(task, failureFlags('timed-out') - ENTRY.partEnd, this.#error(task, 'timed-out'), ERROR_BYTES);
      this.#drop(task);
    });
  }

  #begin(run: RunInstruction, at: number): void {
    const { kernel, store, plans, begins, kills } = this.#options;
    const plan = (r: PartsRecord, row: number): PartPlan => plans.part(r.id, r.jobs[row] as number, r.parts[row] as number, r.function);
    const task = new Task(run, at, { run: this.#runs, epoch: this.epoch, nowMs: kernel.nowMs, plan });
    this.#tasks.set(task.local, task);
    const token = store.get(run.slots[at] as number);
    const right =
      token.stream === task.id && token.job === task.job && token.part === task.part && (token.what === 'job' || token.what === 'part');
    if (!right)
      kernel.blame(
        `part ${task.id}/${task.job}/${task.part} was given the bytes of ${token.what} ${token.stream}/${token.job}/${token.part}`,
      );
    begins(task);
    const wrong = task.lane ? undefined : overAllocated(this.#options.resources, this.#tasks.values());
    if (wrong !== undefined) kernel.blame(`${this.#options.name}: ${wrong}`);
    if (task.timeoutMs > 0) this.#watch(task);
    if (task.plan.kills) kills(this.#ms(task), task);
    else if (task.plan.spec.asks === true) this.#ask(task);
    else this.#go(task);
  }

  #go(task: Task): void {
    if (task.plan.spec.calls !== undefined) this.#call(task);
    else this.#step(task);
  }

  #ask(task: Task): void {
    const goesOn = this.#waits(task);
    // A call cannot be taken back: its answer is waited for, whatever the function was told.
    task.waitsFor = { stop: () => undefined };
    this.#options.asks(task, () => {
      goesOn();
      if (task.dropped) this.#empty(task);
      else this.#go(task);
    });
  }

  /** It lends its lane until it goes on. */
  #waits(task: Task): () => void {
    task.lets(this.#options.kernel.nowMs);
    this.#changed.push(task);
    return () => {
      task.waitsFor = undefined;
      task.sinceMs = this.#options.kernel.nowMs;
      this.#changed.push(task);
    };
  }

  #ms(task: Task): number {
    return this.#options.plans.ms(task.id, task.job, task.part, task.attempt * 1000 + task.index, task.plan.spec);
  }

  #call(task: Task): void {
    const goesOn = this.#waits(task);
    task.waitsFor = this.#options.calls(task, (well) => {
      goesOn();
      if (task.dropped) this.#empty(task);
      else if (well) this.#step(task);
      else this.#failure(task);
    });
  }

  /** The function goes on: to its result, or to its next yield. */
  #step(task: Task): void {
    task.stepping = true;
    const ms = this.#ms(task);
    if ((task.plan.spec.blocks === true && this.#begun >= 0) || ms === 0) {
      this.#spentMs += ms;
      task.heldMs += ms;
      return this.#stepped(task);
    }
    this.#options.later(ms, () => this.#stepped(task));
  }

  #stepped(task: Task): void {
    if (task.ended) return;
    task.stepping = false;
    const { plans } = this.#options;
    const { spec, throwsAt, results } = task.plan;
    if (task.dropped) return this.#empty(task);
    if (throwsAt === task.index && plans.throws(task.id, task.job, task.part, task.plan)) return this.#failure(task);
    const bytes = plans.resultBytes(task.id, task.job, task.part, task.index, spec);
    if (spec.results === undefined) return this.#returned(task, bytes);
    if (task.index === results) return this.#empty(task);
    if (bytes > task.bytes) return this.#wait(task, bytes);
    this.#result(task, bytes, ENTRY.result);
    this.#pull(task);
  }

  /** Pulls a generator, if it has credit and the turn is not over. */
  #pull(task: Task): void {
    if (task.ended) return;
    if (task.dropped) this.#empty(task);
    else if (task.grants === 0) this.#wait(task, WAITS_FOR_CREDIT);
    else if (this.#spentMs >= SLICE_MS) this.#paused.push(task);
    else this.#step(task);
  }

  #returned(task: Task, bytes: number): void {
    if (task.grants > 0 && bytes <= task.bytes) return this.#last(task, bytes);
    task.over = true;
    this.#wait(task, bytes);
  }

  #wait(task: Task, bytes: number): void {
    task.waiting = bytes;
    task.parks(this.#options.kernel.nowMs);
    this.#columns.wait(task);
  }

  #last(task: Task, bytes: number): void {
    this.#result(task, bytes, ENTRY.result | ENTRY.partEnd);
    this.#end(task);
  }

  #result(task: Task, length: number, flags: number): void {
    const { id: stream, job, part, index, epoch } = task;
    const slot = this.#options.store.put({ what: 'result', stream, job, part, index, epoch, length });
    this.#columns.entry(task, flags, slot, length);
    task.index += 1;
    task.grants -= 1;
    task.bytes -= length;
  }

  #failure(task: Task): void {
    this.#columns.entry(task, failureFlags('function-threw'), this.#error(task, 'function-threw'), ERROR_BYTES);
    this.#end(task);
  }

  #error({ id: stream, job, part, index, epoch }: Task, code: WireErrorCode): number {
    return this.#options.store.put({ what: 'error', stream, job, part, index, epoch, length: ERROR_BYTES, code });
  }

  #empty(task: Task): void {
    if (task.ended) return;
    this.#columns.entry(task, ENTRY.partEnd, -1, 0);
    this.#end(task);
  }

  #end(task: Task): void {
    task.ended = true;
    task.lets(this.#options.kernel.nowMs);
    this.#columns.busyMs += task.heldMs;
    this.busyMs += task.heldMs;
    this.#tasks.delete(task.local);
    this.#paused = this.#paused.filter((one) => one !== task);
    if (this.#begun >= 0 && task.lane && task.run === this.#runs) this.#free += 1;
  }
}
