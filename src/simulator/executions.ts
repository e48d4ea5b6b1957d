/**
 * How often each part was run, and whether faults explain it: a part is run once, and once more at most for each fault that touched it.
 * And how many workers it has brought down: no more than the limit, in one life of the master.
 */
import type { Kernel } from './kernel.ts';
import type { Plans } from './plans.ts';
import type { Task } from './tasks.ts';

interface Run {
  count: number;
  readonly firstMs: number;
  /** Processes that had it. */
  readonly touched: Set<string>;
  /** Lives of masters in which it was begun: each tries again as often as it may. */
  readonly epochs: Set<string>;
}

interface FaultSpan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly host: string;
}

/** A fault shows up to so long after it is over: silence is noticed late, and the other side may come back late. */
const AFTERMATH_MS = 4_000;
/** Who is slow or does not hear may be taken for silent so often: again and again while that lasts. */
const SILENCE_MS = 50;

export class Executions {
  readonly #kernel: Kernel;
  readonly #plans: Plans;
  /** With PUSH nobody knows who has what was not accepted: a fault of any worker touches all. */
  readonly #pushes: boolean;
  readonly #runs = new Map<string, Run>();
  readonly #faults: FaultSpan[] = [];
  readonly #deaths = new Map<string, number>();
  #total = 0;

  constructor(kernel: Kernel, plans: Plans, pushes: boolean) {
    this.#kernel = kernel;
    this.#plans = plans;
    this.#pushes = pushes;
  }

  get total(): number {
    return this.#total;
  }

  /** How often each part was run, by 'stream/job/part'. */
  counts(): Map<string, number> {
    return new Map([...this.#runs].filter(([, run]) => run.count > 0).map(([about, run]) => [about, run.count]));
  }

  fault(host: string, durationMs = 0): void {
    const { nowMs } = this.#kernel;
    this.#faults.push({ fromMs: nowMs, toMs: nowMs + durationMs, host });
  }

  /** A process has got a part. */
  arrived(id: string, job: number, part: number, host: string): void {
    this.#run(id, job, part).touched.add(host);
  }

  begun({ epoch, id, job, part }: Task, host: string): void {
    const run = this.#run(id, job, part);
    run.touched.add(host);
    run.epochs.add(epoch);
    run.count += 1;
    this.#total += 1;
    if (run.count === 1) return;
    const stream = this.#plans.stream(id);
    const consumer = stream?.consumer;
    // In an ordered stream younger parts give their resources to the oldest.
    if (stream?.spec.ordered === true && Object.values(this.#plans.workload.functions).some(({ resources }) => resources !== undefined))
      return;
    const retries = stream === undefined ? 0 : this.#plans.rules(id, stream.spec, job).retries.attempts;
    const { nowMs } = this.#kernel;
    const faults = this.#faults.filter(
      ({ fromMs, toMs, host: struck }) =>
        fromMs <= nowMs &&
        toMs + AFTERMATH_MS >= run.firstMs &&
        (run.touched.has(struck) || struck === consumer || struck === 'master' || (this.#pushes && !struck.startsWith('c'))),
    );
    const explained = faults.reduce((sum, { fromMs, toMs }) => sum + 1 + Math.floor((Math.min(toMs, nowMs) - fromMs) / SILENCE_MS), 0);
    // With PUSH it may be taken from a worker that is lost, and once more when that connection is: by then it may be on its way again.
    const times = this.#pushes ? 2 : 1;
    if (run.count > 1 + retries * run.epochs.size + times * explained)
      this.#kernel.blame(`part ${id}/${job}/${part} is run for the ${run.count}. time, on ${host}; ${faults.length} faults touched it`);
  }

  /** A worker dies of a part. */
  killed({ epoch, key, id, job, part }: Task, crashLimit: number): void {
    const about = `${epoch}/${key}`;
    const deaths = (this.#deaths.get(about) ?? 0) + 1;
    this.#deaths.set(about, deaths);
    if (deaths > crashLimit) this.#kernel.blame(`part ${id}/${job}/${part} kills its ${deaths}. worker; the limit is ${crashLimit}`);
  }

  #run(id: string, job: number, part: number): Run {
    const about = `${id}/${job}/${part}`;
    let run = this.#runs.get(about);
    if (run === undefined) this.#runs.set(about, (run = { count: 0, firstMs: this.#kernel.nowMs, touched: new Set(), epochs: new Set() }));
    return run;
  }
}
