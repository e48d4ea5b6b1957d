/**
 * Runs the functions. It decides nothing: which parts, how many at a time and with how much credit, the state says (`run`, `grant`,
 * `abort`); what came of it goes back as one `ran` event a turn.
 *
 * A turn ends SLICE_MS after the sockets were drained. What was not begun by then goes back to the state, and generators stop between
 * two yields, so that whatever came in meanwhile is heard before anything new begins. Functions that end within the same turn's
 * microtasks let the turn go on; others hold their lane, and what they end in is part of a later `ran`.
 */
import { bytesOf } from '../common/bytes_of.ts';
import { abandon, follow } from '../common/untrusted.ts';
import type { PartsRecord } from '../protocol/part_records.ts';
import { type Failure, failureOf, isThenable, readAnswer, readStep, type Steps, type Thenable, tooLarge } from './answers.ts';
import type { RanEvent } from './events.ts';
import type { RunInstruction } from './instructions.ts';
import { finish, invoke, next } from './invoking.ts';
import { type ExecutorOptions, unknownFunction } from './executor_options.ts';
import { Ledger } from './ledger.ts';
import { Paces } from './paces.ts';
import { Task } from './task.ts';
import { Timeouts } from './timeouts.ts';

const SLICE_MS = 1;
export class Executor {
  /** The largest result that the master takes. */
  maxMessageBytes: number = Infinity;
  /** Whether a function was seen to yield: one that goes on may block, however quick it was before. */
  yields = false;
  readonly #options: ExecutorOptions;
  readonly #tasks: (Task | undefined)[] = [];
  readonly #ledger: Ledger;
  readonly #paces = new Paces();
  readonly #timeouts = new Timeouts((task, limit) => this.#overdue(task, limit));
  readonly #changed = (task: Task): void => this.#lendingChanged(task);
  /** The run under way, which may begin parts from `#at` on while it has lanes. */
  #run: RunInstruction | undefined;
  #runs = 0;
  #at = 0;
  #free = 0;
  #paused: Task[] = [];
  #pausedTold = false;
  #pausedFirst = false;
  #turnEndsMs = 0;
  #unsaid = false;

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#ledger = new Ledger(options.store, options.name, (task) => this.#ended(task));
  }

  /** Begins a turn. Returns its `ran`, unless microtasks may let it go on: then `collect` will tell. `unsaid`: there is more to tell. */
  run(instruction: RunInstruction, unsaid: boolean): RanEvent | undefined {
    this.#unsaid = unsaid;
    const startedMs = (this.#ledger.clockMs = this.#options.now());
    this.#turnEndsMs = startedMs + SLICE_MS;
    this.#run = instruction;
    this.#runs += 1;
    this.#at = 0;
    this.#free = instruction.free;
    this.#pausedTold = false;
    // In turns, so that neither generators that never pause by themselves nor parts that never end starve the others.
    this.#pausedFirst = !this.#pausedFirst;
    if (!this.#pausedFirst) this.#advance();
    this.#resume(instruction.ready);
    this.#advance();
    this.#ledger.blockedMs += this.#ledger.clockMs - startedMs;
    if (this.#at >= instruction.locals.length || this.#ledger.clockMs >= this.#turnEndsMs) return this.collect();
    this.#options.wake();
    return undefined;
  }

  /** What happened since the last time; undefined if nothing did. Ends the run under way. */
  collect(): RanEvent | undefined {
    const run = this.#run;
    this.#run = undefined;
    if (run === undefined && this.#ledger.isEmpty && (this.#pausedTold || this.#paused.length === 0)) return undefined;
    this.#pausedTold = this.#paused.length > 0;
    return this.#ledger.close(run === undefined ? 0 : this.#at, this.#paused.length > 0, this.#options.now());
  }

  grant(locals: readonly number[], results: readonly number[], bytes: readonly number[]): void {
    for (const [at, local] of locals.entries()) {
      const task = this.#tasks[local] as Task;
      task.park(false, this.#options.now());
      task.grants += results[at] as number;
      task.bytes += bytes[at] as number;
      const { waiting } = task;
      if (waiting === undefined || task.grants === 0 || waiting.length > task.bytes) continue;
      this.#ledger.go(task, waiting);
      this.#options.wake();
    }
  }

  abort(locals: readonly number[], reason: string): void {
    for (const local of locals) {
      const task = this.#tasks[local];
      if (task === undefined) continue;
      task.drop(reason);
      this.#ledger.drop(task);
      if (task.over) this.#ledger.empty(task);
      else if (task.suspended) this.#finish(task);
      this.#options.wake();
    }
  }

  #advance(): void {
    const run = this.#run as RunInstruction;
    while (this.#at < run.locals.length && (this.#free > 0 || this.#at < run.own) && this.#ledger.clockMs < this.#turnEndsMs) {
      const pace = this.#paces.of((run.records[this.#at] as PartsRecord).function);
      const sinceMs = this.#ledger.clockMs;
      // What has ended, or is to be said, is told before anything begins that may block the event loop: the turn is over.
      if ((this.#unsaid || !this.#ledger.isEmpty) && !pace.isUnder(SLICE_MS)) return void (this.#turnEndsMs = sinceMs);
      this.#begin(run, this.#at++);
      pace.ran(this.#ledger.clockMs - sinceMs);
    }
  }

  /** Generators go on: those that have credit again, and those that the end of a turn stopped. */
  #resume(ready: readonly number[]): void {
    const paused = this.#paused;
    for (const local of ready) {
      const task = this.#tasks[local] as Task;
      task.sinceMs = this.#ledger.clockMs;
      paused.push(task);
    }
    this.#paused = [];
    let at = 0;
    while (at < paused.length && this.#ledger.clockMs < this.#turnEndsMs) this.#pull(paused[at++] as Task);
    // Those whose turn did not come are first the next time.
    this.#paused = paused.slice(at).concat(this.#paused);
  }

  #begin(run: RunInstruction, at: number): void {
    const task = new Task(run, at, this.#runs, this.#ledger.clockMs, this.#changed);
    this.#tasks[task.local] = task;
    if (task.lane) this.#free -= 1;
    const { functions, owner, store, nested } = this.#options;
    const served = functions.get(task.record.function);
    if (served === undefined) return this.#fail(task, unknownFunction(this.#options, task.record.function));
    if (!this.#options.relays) this.#timeouts.begin(task);
    let answer: unknown;
    try {
      answer = invoke(served, owner, store.joined(run.slots[at] as number), task, nested);
    } catch (error) {
      return this.#threw(task, error);
    }
    this.#ledger.clockMs = this.#options.now();
    this.#answered(task, answer);
  }

  #answered(task: Task, answer: unknown): void {
    const bytes = bytesOf(answer);
    if (bytes !== undefined) return this.#last(task, bytes);
    const read = readAnswer(answer, task.record.function);
    if (read.kind === 'bytes') this.#last(task, read.bytes);
    else if (read.kind === 'later') this.#follow(read.promise, task, (value) => this.#answered(task, value));
    else if (read.kind === 'steps') {
      this.yields = true;
      task.steps = read.steps;
      task.suspended = true;
      if (task.dropped) this.#finish(task);
      else this.#pull(task);
    } else if (read.kind === 'bad') this.#fail(task, { code: 'bad-result', message: read.text }, answer);
  }

  /** Goes on with what a promise ends in, and with the turn, if it is not over. */
  #follow(
    answer: Thenable,
    task: Task,
    fulfilled: (value: unknown) => void,
    rejected = (error: unknown): void => this.#threw(task, error),
  ): void {
    const then = (go: (value: unknown) => void) => (value: unknown) => {
      this.#ledger.clockMs = this.#options.now();
      go(value);
      if (this.#run !== undefined) this.#advance();
      this.#options.wake();
    };
    follow(answer, then(fulfilled), then(rejected));
  }

  /** The only result of a function that is over. */
  #last(task: Task, bytes: Uint8Array): void {
    if (task.dropped) this.#ledger.empty(task);
    else if (bytes.length > this.maxMessageBytes)
      this.#fail(task, tooLarge(task.record.function, 'returned', bytes.length, this.maxMessageBytes));
    else if (task.grants > 0 && bytes.length <= task.bytes) this.#ledger.last(task, bytes);
    else {
      task.over = true;
      this.#ledger.wait(task, bytes);
    }
  }

  /** Pulls a generator until it has ended, is out of credit or of time, or makes us wait. */
  #pull(task: Task): void {
    while (!task.ended && task.steps !== undefined) {
      if (task.dropped) this.#finish(task);
      else if (task.grants === 0) return this.#ledger.wait(task, undefined);
      else if (this.#ledger.clockMs >= this.#turnEndsMs) return void this.#paused.push(task);
      else if (!this.#step(task, task.steps)) return;
    }
  }

  /** Asks for what comes next. Returns whether to go on at once. */
  #step(task: Task, steps: Steps): boolean {
    let step: unknown;
    task.suspended = false;
    try {
      step = next(task, steps);
    } catch (error) {
      this.#threw(task, error);
      return false;
    }
    this.#ledger.clockMs = this.#options.now();
    return this.#stepped(task, step);
  }

  /** Takes what a generator gave. Returns whether it is to be pulled on at once. */
  #stepped(task: Task, step: unknown): boolean {
    const read = readStep(step, task.record.function);
    if (read.kind === 'later') {
      this.#follow(read.promise, task, (value) => {
        if (this.#stepped(task, value)) this.#pull(task);
      });
      return false;
    }
    task.suspended = true;
    if (read.kind === 'done') this.#ledger.empty(task);
    else if (task.dropped) this.#finish(task);
    else if (read.kind === 'bad') this.#fail(task, { code: 'bad-result', message: read.text }, read.value ?? step);
    else if (read.kind === 'bytes') return this.#yielded(task, read.bytes);
    return false;
  }

  #yielded(task: Task, bytes: Uint8Array): boolean {
    if (bytes.length > this.maxMessageBytes)
      this.#fail(task, tooLarge(task.record.function, 'yielded', bytes.length, this.maxMessageBytes));
    else if (bytes.length > task.bytes) this.#ledger.wait(task, bytes);
    else {
      this.#ledger.result(task, bytes);
      return true;
    }
    return false;
  }

  #lendingChanged(task: Task): void {
    if (task.ended) return;
    if (task.calls > 0) task.lets(this.#options.now());
    else task.sinceMs = this.#options.now();
    this.#ledger.changed(task);
    this.#options.wake();
  }

  /** Ends a generator between two yields. What it does on its way out is waited for, and not looked at. */
  #finish(task: Task): void {
    const { steps } = task;
    task.suspended = false;
    task.steps = undefined;
    let answer: unknown;
    try {
      answer = finish(task, steps);
    } catch {
      // Nobody is left to be told.
    }
    const end = (): void => this.#ledger.empty(task);
    if (isThenable(answer)) return this.#follow(answer, task, end, end);
    abandon(answer);
    end();
  }

  #threw(task: Task, error: unknown): void {
    this.#ledger.clockMs = this.#options.now();
    task.steps = undefined;
    this.#fail(task, failureOf(error), error);
  }

  /** The part failed. A generator that is still there is ended, after the part. */
  #fail(task: Task, failure: Failure, thrown?: unknown): void {
    abandon(thrown);
    if (task.dropped) return task.steps === undefined ? this.#ledger.empty(task) : this.#finish(task);
    this.#ledger.failure(task, failure);
    if (task.steps !== undefined) this.#finish(task);
  }

  /** It took too long: the part has failed, and its function is told. Its lane is free when it has ended. */
  #overdue(task: Task, limit: string): void {
    this.#ledger.clockMs = this.#options.now();
    this.#ledger.overdue(task, `${task.record.function} took longer than ${limit}`);
    task.drop(`it took longer than ${limit}`, 'TimeoutError');
    if (task.suspended) this.#finish(task);
    this.#options.wake();
  }

  #ended(task: Task): void {
    this.#timeouts.end(task);
    this.#tasks[task.local] = undefined;
    if (task.lane && task.run === this.#runs) this.#free += 1;
  }
}
