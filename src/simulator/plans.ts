/**
 * What of a workload can be known beforehand: how many parts a job has, how many results a part gives, of how many bytes, what fails,
 * and what the user says of it. Whoever runs it and however often, it is the same; only how often something threw is counted.
 */
import type { Fields } from '../protocol/fields.ts';
import { readJobOptions } from '../streams/job_options.ts';
import type { Retries } from '../streams/types.ts';
import { hash, Random } from './random.ts';
import type { FunctionSpec, Range, Rules, StreamSpec, Workload } from './workload.ts';

/** What a part does, whoever runs it and however often. */
export interface PartPlan {
  readonly spec: FunctionSpec;
  readonly results: number;
  /** It throws instead of its result of this index; -1: never. */
  readonly throwsAt: number;
  /** How often it does. */
  readonly throwsTimes: number;
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
  readonly #thrown = new Map<string, number>();

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
    const throwsTimes = spec.throwsTimes === undefined ? Infinity : this.#number(`${about}:times`, spec.throwsTimes);
    return { spec, results, throwsAt, throwsTimes, kills: this.#happens(`${about}:kills`, spec.kills ?? 0) };
  }

  /** Whether it throws this time, too. */
  throws(id: string, job: number, part: number, { throwsTimes }: PartPlan): boolean {
    if (throwsTimes === Infinity) return true;
    const about = `${this.origin(id)}:${job}:${part}`;
    const times = this.#thrown.get(about) ?? 0;
    this.#thrown.set(about, times + 1);
    return times < throwsTimes;
  }

  /** What the user says of a whole stream, and of one job besides. */
  fields({ retries, timeoutMs }: StreamSpec): Fields {
    return readJobOptions('simulate', { retries, timeoutMs });
  }

  jobFields(id: string, spec: StreamSpec, job: number): Fields {
    const { resources } = this.workload.functions[this.functionOf(spec, job)] ?? {};
    const { retries, timeoutMs } = (this.#hasOwn(id, spec, job) ? spec.own : undefined) ?? {};
    return readJobOptions('simulate', { retries, timeoutMs, resources });
  }

  /** How a job is tried again, and how long an attempt may take (0: as long as it likes). */
  rules(id: string, spec: StreamSpec, job: number): { retries: Retries; timeoutMs: number } {
    const own: Rules = this.#hasOwn(id, spec, job) ? (spec.own ?? {}) : {};
    const retries = own.retries ?? spec.retries ?? 0;
    return { retries: typeof retries === 'number' ? { attempts: retries } : retries, timeoutMs: own.timeoutMs ?? spec.timeoutMs ?? 0 };
  }

  #hasOwn(id: string, { own }: StreamSpec, job: number): boolean {
    return own !== undefined && this.#happens(`${this.origin(id)}:${job}:own`, own.share);
  }

  /** After how long the user cancels a job. Infinity: not at all. */
  cancelsAfterMs(id: string, { cancels }: StreamSpec, job: number): number {
    if (cancels === undefined || !this.#happens(`${this.origin(id)}:${job}:cancels`, cancels.share)) return Infinity;
    const [from, to] = cancels.afterMs;
    return from + this.#random(`${this.origin(id)}:${job}:cancelMs`) * (to - from);
  }

  /** How long an attempt takes. */
  ms(id: string, job: number, part: number, attempt: number, spec: FunctionSpec): number {
    const [from, to] = spec.ms;
    const known = spec.msOfJobs?.[job];
    if (known !== undefined) return known;
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
