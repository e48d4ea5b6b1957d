/**
 * What users do in a world: which functions workers serve, what streams clients open, what the master's scatter and gather are. And what
 * of it can be known beforehand: how many parts a job has, how many results a part gives, of how many bytes, and what fails.
 */
import { Random, hash } from './random.ts';

/** From and to, both included. */
export type Range = readonly [from: number, to: number];

export interface FunctionSpec {
  /** How long a run takes, in ms. */
  readonly ms: Range;
  /** It keeps the worker's event loop for itself. */
  readonly blocks?: boolean;
  /** It is a generator of so many results; else it returns one. */
  readonly results?: Range;
  /** Bytes of a result. */
  readonly bytes?: Range;
  /** How likely a job makes it throw, or kill its worker. */
  readonly throws?: number;
  readonly kills?: number;
  /** It goes on when it is told to stop. */
  readonly stubborn?: boolean;
  /** It calls this function, so many times, before it does anything. */
  readonly calls?: string;
  readonly callJobs?: number;
}

export interface StreamSpec {
  /** Which client opens it, by index, and when. */
  readonly client: number;
  readonly startMs: number;
  /** Jobs go to these in turn. */
  readonly functions: readonly string[];
  /** Infinity: the source has no end; then `messages` or `leaveAfter` ends the stream. */
  readonly jobs: number;
  /** Bytes of a job. */
  readonly bytes: Range;
  /** The source gives a job so often; 0: at once. */
  readonly everyMs: number;
  /** The source throws behind so many jobs. */
  readonly failsAfter: number;
  readonly ordered: boolean;
  /** Errors are taken like results; else the first ends the stream. */
  readonly settle: boolean;
  /** Options of the stream, as users give them. 0: none. */
  readonly messages: number;
  /** The consumer leaves behind so many results. Infinity: it does not. */
  readonly leaveAfter: number;
  /** How many results may wait for the consumer. */
  readonly window: number;
  /** The consumer takes a result so often; 0: at once. */
  readonly takeMs: number;
}

export interface Workload {
  readonly functions: Readonly<Record<string, FunctionSpec>>;
  readonly streams: readonly StreamSpec[];
  /** The master's scatter: how many parts it makes of a job. Absent: it has none. */
  readonly scatter?: Range | undefined;
  /** The master's gather: it merges all results of a job into one, or gives one for each. */
  readonly gather?: 'merge' | 'map' | undefined;
}

export const STREAM: StreamSpec = {
  client: 0,
  startMs: 0,
  functions: ['work'],
  jobs: 1,
  bytes: [1, 100],
  everyMs: 0,
  failsAfter: Infinity,
  ordered: false,
  settle: true,
  messages: 0,
  leaveAfter: Infinity,
  window: 4_096,
  takeMs: 0,
};

/** What a part does, whoever runs it and however often. */
export interface PartPlan {
  readonly spec: FunctionSpec;
  readonly results: number;
  /** It throws instead of its result of this index; -1: never. */
  readonly throwsAt: number;
  readonly kills: boolean;
}

/** A stream that was opened: its spec and what its jobs are. */
export interface KnownStream {
  readonly id: string;
  readonly spec: StreamSpec;
  /** The process that opened it, and whether a worker's function did. */
  readonly consumer: string;
  readonly nested: boolean;
  /** What its jobs are depends on this: a function calls the same whenever and wherever it is run. */
  readonly origin: string;
}

export class Plans {
  readonly workload: Workload;
  readonly #seed: number;
  readonly #streams = new Map<string, KnownStream>();

  constructor(seed: number, workload: Workload) {
    this.#seed = seed;
    this.workload = workload;
  }

  open(stream: KnownStream): void {
    this.#streams.set(stream.id, stream);
  }

  stream(id: string): KnownStream | undefined {
    return this.#streams.get(id);
  }

  origin(id: string): string {
    return this.#streams.get(id)?.origin ?? id;
  }

  /** The function that a job of a stream is for. */
  functionOf(spec: StreamSpec, job: number): string {
    return spec.functions[job % spec.functions.length] as string;
  }

  jobBytes(id: string, spec: StreamSpec, job: number): number {
    return this.#number(`${this.origin(id)}:${job}:bytes`, spec.bytes);
  }

  /** How many parts a job has. */
  parts(id: string, job: number): number {
    const { scatter } = this.workload;
    return scatter === undefined ? 1 : this.#number(`${this.origin(id)}:${job}:parts`, scatter);
  }

  part(id: string, job: number, part: number, name: string): PartPlan {
    const spec = this.workload.functions[name] ?? { ms: [0, 0] };
    const about = `${this.origin(id)}:${job}:${part}`;
    const results = spec.results === undefined ? 1 : this.#number(`${about}:results`, spec.results);
    const throws = this.#happens(`${about}:throws`, spec.throws ?? 0);
    const throwsAt = throws ? this.#number(`${about}:at`, [0, spec.results === undefined ? 0 : results]) : -1;
    return { spec, results, throwsAt, kills: this.#happens(`${about}:kills`, spec.kills ?? 0) };
  }

  /** How long an attempt takes. */
  ms(id: string, job: number, part: number, attempt: number, spec: FunctionSpec): number {
    const [from, to] = spec.ms;
    if (from === to) return from;
    return from + this.#random(`${this.origin(id)}:${job}:${part}:${attempt}:ms`) * (to - from);
  }

  resultBytes(id: string, job: number, part: number, index: number, spec: FunctionSpec): number {
    return spec.bytes === undefined ? 10 : this.#number(`${this.origin(id)}:${job}:${part}:${index}`, spec.bytes);
  }

  #number(about: string, [from, to]: Range): number {
    return from === to ? from : from + Math.floor(this.#random(about) * (to - from + 1));
  }

  #happens(about: string, probability: number): boolean {
    return probability > 0 && this.#random(about) < probability;
  }

  #random(about: string): number {
    return new Random(this.#seed, `plan${hash(about)}`).next();
  }
}
