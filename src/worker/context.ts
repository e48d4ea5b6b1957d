/** What a function is told of its job. */
import { fieldValue, unpackValue } from '../protocol/fields.ts';
import { shownAllotment } from '../resources/asking.ts';
import type { AllottedResources } from '../resources/types.ts';
import { ORIGIN, type Origin, readOrigin } from '../protocol/origin.ts';
import type { Scope } from '../streams/settings.ts';
import type { AnyItem, CallOptions, Item, JobStream, Payload, Settled, SettledBy, Source, StreamOptions } from '../streams/types.ts';
import { type ProgramOptions, type ProgramResult, runProgram } from './program.ts';
import type { Task } from './task.ts';

/** What a worker's function is told of its job: its second argument. */
export interface JobContext {
  /** The job's name, unique everywhere: the stream's, and the job's index in it. */
  readonly id: string;
  /** The stream's name, and the name of the client (or worker) that sent the job. */
  readonly stream: string;
  readonly client: string;
  /** The job's place in its stream, and the part's in the job (0, unless the master scatters). */
  readonly index: number;
  readonly part: number;
  /** Which try of this part it is, from 1. */
  readonly attempt: number;
  readonly function: string;
  /** Aborted when nobody waits for the results any more. */
  readonly signal: AbortSignal;
  /** Aborted when the job's `softWalltime` is over: it may still end well, until its walltime is over and `signal` is aborted. */
  readonly softSignal: AbortSignal;
  /** When the job's results are of no use any more, in milliseconds since 1970; undefined: never. */
  readonly deadline: number | undefined;
  /** What the job was given of what it asked for, its own while its function runs: cores asked for as 3 may be `[6, 7, 9]`. */
  readonly resources: AllottedResources;
  /** All optional fields that came with the job. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Calls another function: one payload, one result. While it waits, this worker may run something else. */
  call(name: string, payload: Payload, options?: CallOptions): Promise<Buffer>;
  /** Streams jobs to another function, or to those that the items name. */
  job<S extends AbortSignal = never>(
    name: string,
    payloads: Source<Item<string, S>>,
    options: StreamOptions & { settle: true },
  ): JobStream<SettledBy<S>>;
  job(name: string, payloads: Source<AnyItem>, options?: StreamOptions & { settle?: false | undefined }): JobStream<Buffer>;
  job(name: string, payloads: Source<AnyItem>, options: StreamOptions | undefined): JobStream<Buffer> | JobStream<Settled<unknown>>;
  job<S extends AbortSignal = never>(payloads: Source<Item<string, S>>, options: StreamOptions & { settle: true }): JobStream<SettledBy<S>>;
  job(payloads: Source<AnyItem>, options?: StreamOptions & { settle?: false | undefined }): JobStream<Buffer>;
  job(payloads: Source<AnyItem>, options: StreamOptions | undefined): JobStream<Buffer> | JobStream<Settled<unknown>>;
  /**
   * Runs a program that is bound to what the job was given: pinned to its cores (with `taskset`), told of them by `OMP_NUM_THREADS` and
   * `GRISTMILL_CORES`, and never outliving the job: when that is cancelled, takes too long, or ends, its whole process group is ended, by SIGTERM
   * and, after `graceMs`, SIGKILL.
   * @returns how it ended, whatever its status
   * @throws TypeError or RangeError for wrong arguments; Error with code ENOENT if there is no such program; the reason of `signal` if that
   * came first; RangeError if it wrote more than `maxOutputBytes`
   */
  execFile(program: string, args?: readonly string[], options?: ProgramOptions): Promise<ProgramResult>;
}

/** How a function's own jobs are sent. (A Caller is that.) */
export interface Nested {
  call(scope: Scope, name: unknown, payload: unknown, options: unknown): Promise<Buffer>;
  job(scope: Scope, args: readonly unknown[]): JobStream<Buffer | Settled<unknown>>;
}

/** The context of one task. Everything is looked up when it is asked for. */
export class Context implements JobContext {
  readonly #task: Task;
  readonly #nested: Nested;
  #resources: AllottedResources | undefined;

  constructor(task: Task, nested: Nested) {
    this.#task = task;
    this.#nested = nested;
  }

  get id(): string {
    return `${this.stream}/${this.index}`;
  }

  get stream(): string {
    return this.#origin?.stream ?? this.#task.record.id;
  }

  get client(): string {
    return this.#origin?.client ?? this.#task.record.client;
  }

  get index(): number {
    return this.#origin?.index ?? (this.#task.record.jobs[this.#task.row] as number);
  }

  get part(): number {
    return this.#task.record.parts[this.#task.row] as number;
  }

  get attempt(): number {
    return (this.#origin?.attempts ?? 0) + this.#task.attempt;
  }

  get function(): string {
    return this.#task.record.function;
  }

  get signal(): AbortSignal {
    return this.#task.signal;
  }

  get softSignal(): AbortSignal {
    return this.#task.softSignal;
  }

  /** Where a job came from that an engine gave to this process. */
  get #origin(): Origin | undefined {
    const { record } = this.#task;
    if (record.fields.length === 0 && record.partFields.length === 0) return undefined;
    return readOrigin(fieldValue(this.#task.fields, ORIGIN));
  }

  get deadline(): number | undefined {
    const value = fieldValue(this.#task.fields, 'deadline');
    return typeof value === 'number' ? value : undefined;
  }

  get resources(): AllottedResources {
    this.#resources ??= shownAllotment(this.#task.allotted);
    return this.#resources;
  }

  get fields(): Readonly<Record<string, unknown>> {
    // Where it came from is told by the rest of the context.
    const own = this.#origin === undefined ? this.#task.fields : this.#task.fields.filter(([name]) => name !== ORIGIN);
    return Object.fromEntries(own.map(([name, value]) => [name, opened(value)] as const));
  }

  call(name: string, payload: Payload, options?: CallOptions): Promise<Buffer> {
    return this.#nested.call(this.#task, name, payload, options);
  }

  job(...args: readonly unknown[]): JobStream<never> {
    return this.#nested.job(this.#task, args) as JobStream<never>;
  }

  execFile(program: string, args: readonly string[] = [], options: ProgramOptions = {}): Promise<ProgramResult> {
    const { signal, endSignal } = this.#task;
    return runProgram(program, args, options, { cores: coresOf(this.resources), signal, ended: endSignal });
  }
}

/** The cores of what a job was given. */
function coresOf({ cores }: { readonly cores?: unknown }): readonly number[] {
  return Array.isArray(cores) ? cores.filter((core) => Number.isInteger(core)) : [];
}

/** A value that cannot be read is left as the bytes that came. */
function opened(value: Uint8Array): unknown {
  try {
    return unpackValue(value);
  } catch {
    return value;
  }
}
