/** What a server does with calls and with questions for jobs, whatever carries them. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { now } from '../common/clock.ts';
import { JobError } from '../errors.ts';
import type { WorkerPool } from '../pools/pool.ts';
import type { JobRecord, SubmitOptions } from '../pools/record.ts';
import { messageOf, PipelineError, stackOf } from './errors.ts';
import { fromJson, toJson } from './json.ts';
import type { CallFunction } from './ops.ts';
import type { Pipeline } from './pipeline.ts';
import { type Wish, whereToRun } from './rule.ts';
import type { Shelf } from './shelf.ts';
import { type CallRequest, type FetchRequest, functionFor, isJobOf, type JobFailure, jobIdFor } from './wire.ts';

/** How often a waiting request looks at its job: at first soon, then ever more rarely. */
const FIRST_LOOK_MS = 10;
const LAST_LOOK_MS = 500;
/** How long a pool may take to say how many workers it has: who asks for health does not wait long. */
const COUNT_MS = 2_000;

export interface CallsOptions {
  readonly shelf: Shelf;
  readonly pool: WorkerPool | undefined;
  readonly useWorkers: Wish;
  readonly callTimeoutMs: number;
  /** How long the pool may take to answer. */
  readonly poolTimeoutMs: number;
  /** How many calls may run in this process at a time. */
  readonly maxRunning: number;
  readonly jobOptions: SubmitOptions;
}

/** An answer: its HTTP status, and its body as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

export class Calls {
  readonly #options: CallsOptions;
  /** What runs here, also what nobody waits for any more. */
  readonly #running = new Set<AbortController>();
  readonly #waiting = new Set<AbortController>();
  #leaving = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** @param leave aborted when nobody waits for the answer any more */
  async call(name: string, request: CallRequest, leave: AbortController): Promise<Answer> {
    const { shelf, useWorkers } = this.#options;
    const pipeline = shelf.get(name);
    const { worker, why } = whereToRun(useWorkers, pipeline.useWorker, request.useWorker);
    return worker ? await this.#submit(pipeline, request.input, why) : await this.#run(pipeline, request.input, why, leave);
  }

  async #submit({ name }: Pipeline, input: unknown, why: string): Promise<Answer> {
    const { pool, jobOptions, poolTimeoutMs } = this.#options;
    if (pool === undefined) throw new PipelineError('no-pool', `pipeline '${name}': ${why}, but the server has no pool of workers`);
    const id = jobIdFor(name, randomBytes(16).toString('hex'));
    const jobId = await answerOf(() => pool.submit(functionFor(name), toJson('its input', input), { ...jobOptions, id }), poolTimeoutMs);
    return { status: 202, body: JSON.stringify({ status: 'queued', jobId, why }) };
  }

  async #run(pipeline: Pipeline, input: unknown, why: string, leave: AbortController): Promise<Answer> {
    const { maxRunning, callTimeoutMs } = this.#options;
    if (this.#running.size >= maxRunning) throw new PipelineError('unavailable', `${maxRunning} calls are running; try again later`);
    const late = (): void =>
      leave.abort(new PipelineError('timed-out', `pipeline '${pipeline.name}': it took longer than ${callTimeoutMs} ms`));
    const timer = setTimeout(late, callTimeoutMs);
    this.#running.add(leave);
    const run = pipeline.run(input as never, { signal: leave.signal, call: this.#callFunction() }).finally(() => {
      this.#running.delete(leave);
    });
    try {
      // An operation that does not heed its signal may go on; its caller need not wait for that.
      const value: unknown = await Promise.race([run, rejectedBy(leave.signal)]);
      const json = toJson(`pipeline '${pipeline.name}': its output`, value);
      return { status: 200, body: `{"status":"done","value":${json},"why":${JSON.stringify(why)}}` };
    } catch (error) {
      const status = error instanceof PipelineError && error.code === 'timed-out' ? 504 : 500;
      return { status, body: JSON.stringify({ status: 'failed', error: failureOf(error, 1), why }) };
    } finally {
      clearTimeout(timer);
    }
  }

  /** How nodes call worker functions: through the pool. */
  #callFunction(): CallFunction | undefined {
    const { pool } = this.#options;
    if (pool === undefined) return undefined;
    return async (name, payload, { signal }) => {
      const results: Buffer[] = [];
      for await (const result of pool.job(name, [payload], { signal })) results.push(result);
      if (results.length === 1) return results[0] as Buffer;
      throw new JobError('result-count', `worker function '${name}': expected one result, got ${results.length}`, {
        function: name,
        index: 0,
      });
    };
  }

  /** What is known of a job; with `waitMs` not before it has ended, or that time is over, or the server stops. */
  async fetch({ jobId, pipeline, waitMs }: FetchRequest, leave: AbortController): Promise<Answer> {
    const { shelf, pool } = this.#options;
    const { name } = shelf.get(pipeline);
    if (pool === undefined) throw new PipelineError('no-pool', `job '${jobId}': the server has no pool of workers`);
    if (!isJobOf(name, jobId)) throw unknownJob(name, jobId);
    this.#waiting.add(leave);
    try {
      return { status: 200, body: fetchedBody(await this.#waitFor(pool, name, jobId, waitMs, leave.signal)) };
    } finally {
      this.#waiting.delete(leave);
    }
  }

  async #waitFor(pool: WorkerPool, name: string, jobId: string, waitMs: number, signal: AbortSignal): Promise<JobRecord> {
    const deadline = now() + waitMs;
    for (let delayMs = FIRST_LOOK_MS; ; delayMs = Math.min(delayMs * 1.5, LAST_LOOK_MS)) {
      const record = await answerOf(() => pool.fetch(jobId), this.#options.poolTimeoutMs);
      if (record === undefined) throw unknownJob(name, jobId);
      const leftMs = deadline - now();
      const over = record.status === 'done' || record.status === 'failed' || leftMs <= 0 || signal.aborted || this.#leaving;
      if (over) return record;
      await sleep(Math.min(delayMs, leftMs), undefined, { signal }).catch(() => undefined);
    }
  }

  /** How many workers the pool has; null without a pool. */
  async workerCount(): Promise<number | null> {
    const { pool, poolTimeoutMs } = this.#options;
    return pool === undefined ? null : await answerOf(() => pool.workerCount(), Math.min(poolTimeoutMs, COUNT_MS));
  }

  /** Answers at once whoever waits for a job. */
  leave(): void {
    this.#leaving = true;
    for (const waiting of this.#waiting) waiting.abort();
  }

  /** Tells what still runs to stop. */
  abort(reason: unknown): void {
    for (const running of this.#running) running.abort(reason);
  }
}

/** What a pool answers; that it cannot, or does not, is not the caller's fault. */
async function answerOf<T>(ask: () => Promise<T>, withinMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${withinMs} ms`)), withinMs);
  });
  try {
    return await Promise.race([ask(), late]);
  } catch (error) {
    throw new PipelineError('unavailable', `the pool of workers: ${messageOf(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

function unknownJob(pipeline: string, jobId: string): PipelineError {
  return new PipelineError('unknown-job', `pipeline '${pipeline}' has no job '${jobId}', or its record has expired`);
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

function failureOf(error: unknown, attempts: number): JobFailure {
  const code = error instanceof PipelineError || error instanceof JobError ? error.code : 'node-failed';
  return { code, message: messageOf(error), stack: stackOf(error), attempts };
}

function fetchedBody({ id: jobId, status, attempts, value, error }: JobRecord): string {
  if (status === 'failed') return JSON.stringify({ jobId, status, attempts, error: failureOf(error, attempts) });
  if (status !== 'done') return JSON.stringify({ jobId, status, attempts });
  const json = JSON.stringify(fromJson(`the result of job '${jobId}'`, value ?? Buffer.from('null')));
  return `{"jobId":${JSON.stringify(jobId)},"status":"done","attempts":${attempts},"value":${json}}`;
}
