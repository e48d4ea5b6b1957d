/** What may become of a job, and what must: from what users wrote, and from what went wrong. */
import type { KnownStream, PartPlan, Plans } from './plans.ts';

/** What of a world's course bears on that. */
export interface Circumstances {
  /** Nothing goes wrong in this world. */
  readonly calm: boolean;
  /** Not all workers serve all functions. */
  readonly differing: boolean;
  /** So many workers were given up that a part may have been on too many of them. */
  readonly hasLostMany: () => boolean;
  /** There is, or was, more than one life of a master. */
  readonly hasRestarted: () => boolean;
}

/** A turn of an event loop, and what a timer may be late. */
const ABOUT_MS = 2;

export class Expectations {
  readonly #plans: Plans;
  readonly #about: Circumstances;
  readonly #blocks: boolean;

  constructor(plans: Plans, about: Circumstances) {
    this.#plans = plans;
    this.#about = about;
    this.#blocks = Object.values(plans.workload.functions).some(({ blocks }) => blocks === true);
  }

  /** Whether a job may end with this error. */
  mayFail(code: string, stream: KnownStream, job: number): boolean {
    const { workload } = this.#plans;
    const { functions } = workload;
    const names = [this.#plans.functionOf(stream.spec, job)];
    for (const name of names) {
      const calls = functions[name]?.calls;
      if (calls !== undefined && !names.includes(calls)) names.push(calls);
    }
    const some = (may: 'throws' | 'kills'): boolean => names.some((name) => (functions[name]?.[may] ?? 0) > 0);
    const crashes = some('kills') || this.#about.hasLostMany();
    const isCaller = names.length > 1;
    switch (code) {
      case 'bad-result':
        return workload.gather !== undefined;
      case 'worker-lost':
        return crashes;
      case 'unknown-function':
        return this.#about.differing;
      case 'function-threw':
        return isCaller
          ? some('throws') || crashes || this.#about.differing
          : this.#parts(stream, job).some((part) => this.#mayThrow(part));
      case 'timed-out':
        return this.#parts(stream, job).some((part) => this.#mayTakeLonger(part));
      case 'not-replayable':
        // What failed, or went well, in an earlier life of the master may not do so again.
        return this.#about.hasRestarted() && (crashes || isCaller || this.#isFickle(stream, job));
      default:
        return false;
    }
  }

  /** Why a part that gave all its results ought to have failed, if so. */
  mustFail(stream: KnownStream, job: number, part: number): string | undefined {
    const known = this.#part(stream, job, part);
    const { plan, timeoutMs, retriesThrows } = known;
    const { spec, throwsAt, throwsTimes } = plan;
    if (throwsAt >= 0 && throwsTimes === Infinity) return 'it threw, and no error came';
    // What a function calls may have thrown for an earlier attempt of it.
    if (throwsAt >= 0 && this.#about.calm && !stream.nested && throwsTimes > retriesThrows)
      return 'it threw more often than it is tried again, and no error came';
    const isPlain = spec.results === undefined && spec.blocks !== true && spec.calls === undefined;
    if (timeoutMs > 0 && isPlain && spec.ms[0] > timeoutMs + ABOUT_MS) return 'it took longer than its timeoutMs, and no error came';
    return undefined;
  }

  #part(stream: KnownStream, job: number, part: number): Known {
    const { retries, timeoutMs } = this.#plans.rules(stream.id, stream.spec, job);
    const { attempts, on = ['function-threw'] } = retries;
    const plan = this.#plans.part(stream.id, job, part, this.#plans.functionOf(stream.spec, job));
    return { plan, timeoutMs, retriesThrows: on.includes('function-threw') ? attempts : 0, mixed: on.length > 1 && timeoutMs > 0 };
  }

  #parts(stream: KnownStream, job: number): Known[] {
    return Array.from({ length: this.#plans.parts(stream.id, job) }, (_, part) => this.#part(stream, job, part));
  }

  #mayThrow({ plan, retriesThrows, mixed }: Known): boolean {
    return plan.throwsAt >= 0 && (mixed || plan.throwsTimes > retriesThrows);
  }

  #mayTakeLonger({ plan: { spec, results }, timeoutMs }: Known): boolean {
    if (timeoutMs === 0) return false;
    if (!this.#about.calm || this.#blocks || spec.calls !== undefined || spec.asks === true) return true;
    return spec.ms[1] * (results + 1) + ABOUT_MS > timeoutMs;
  }

  /** It may end otherwise when it is run again. */
  #isFickle(stream: KnownStream, job: number): boolean {
    return this.#parts(stream, job).some(({ plan, timeoutMs }) => timeoutMs > 0 || (plan.throwsAt >= 0 && plan.throwsTimes < Infinity));
  }
}

interface Known {
  readonly plan: PartPlan;
  readonly timeoutMs: number;
  /** How often it is tried again when it throws. */
  readonly retriesThrows: number;
  /** Time-outs count as well. */
  readonly mixed: boolean;
}
