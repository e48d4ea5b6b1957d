import { checkBoolean, checkInteger, checkOptions, checkSignal, checkString, shown } from '../common/check.ts';
import { shownAddress } from '../common/login.ts';
import { now } from '../common/clock.ts';
import { messageOf, PipelineError } from './errors.ts';
import { toJson } from './json.ts';
import type { Pipeline } from './pipeline.ts';
import { type CallResult, codeOf, type FetchedJob, type JobFailure, type PipelineInfo } from './wire.ts';

/** How long an answer may take, beyond what was asked to wait for. */
const TIMEOUT_MS = 90_000;
/** How long one request waits for a job; a client that waits longer asks again. */
const WAIT_MS = 25_000;

export interface PipelinesClientOptions {
  /** How long to wait for the answer of a call, in milliseconds. Default: 90 s, longer than a server lets a call run. */
  readonly timeoutMs?: number | undefined;
}

export interface CallPipelineOptions {
  /** Whether it goes to a worker; unset: pipeline and application decide. See the rule of three in docs/pipelines.md. */
  readonly useWorker?: boolean | undefined;
  /** Rejects with its reason. A call that runs in the server is aborted there, too. */
  readonly signal?: AbortSignal | undefined;
}

export interface FetchJobOptions {
  /** Waits on the server until the job has ended, or so many milliseconds are over. Default: 0. */
  readonly waitMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is there of a pipeline on this side: itself, or its name. */
type Named<I, O> = Pipeline<I, O> | string;

/**
 * Calls the pipelines of a PipelinesServer. With the pipeline itself instead of its name, inputs and values have its types.
 *
 * @example
 *     const client = new PipelinesClient('http://127.0.0.1:5600');
 *     const { jobId } = await client.callPipeline(isOdd, 4, { useWorker: true });
 *     const job = await client.fetchJob(jobId, isOdd, { waitMs: 5_000 });
 */
export class PipelinesClient {
  readonly url: string;
  readonly #timeoutMs: number;

  /** @param url where the server is, as `http://127.0.0.1:5600` */
  constructor(url: string | URL, options: PipelinesClientOptions = {}) {
    checkOptions('PipelinesClient', options, ['timeoutMs']);
    this.#timeoutMs = checkInteger('PipelinesClient: timeoutMs', options.timeoutMs, TIMEOUT_MS, 1, 2 ** 31 - 1);
    this.url = baseOf(url);
  }

  /**
   * Calls a pipeline. Resolves also if it failed: `status` tells. Rejects with a PipelineError if the server refused the call
   * (`unknown-pipeline`, `no-pool`, `bad-request`, `unavailable`) or did not answer (`unreachable`, `timed-out`).
   */
  async callPipeline<I, O>(pipeline: Named<I, O>, input: NoInfer<I>, options: CallPipelineOptions = {}): Promise<CallResult<O>> {
    checkOptions('callPipeline', options, ['useWorker', 'signal']);
    const { useWorker } = options;
    if (useWorker !== undefined) checkBoolean('callPipeline: useWorker', useWorker, false);
    const path = `/pipelines/${encodeURIComponent(nameOf('callPipeline', pipeline))}/main`;
    const signal = checkSignal('callPipeline: signal', options.signal);
    const answer = await this.#ask('POST', path, bodyOf({ input, useWorker }), this.#timeoutMs, signal);
    return answer as unknown as CallResult<O>;
  }

  /**
   * What became of a job that a call was answered with. Resolves also if the job failed: `status` tells, and `error` why.
   * Rejects with a PipelineError `unknown-job` if the pipeline has no such job, or its record has expired; else as `callPipeline`.
   */
  async fetchJob<I, O>(jobId: string, pipeline: Named<I, O>, options: FetchJobOptions = {}): Promise<FetchedJob<O>> {
    checkOptions('fetchJob', options, ['waitMs', 'signal']);
    checkString('fetchJob: jobId', jobId);
    const name = nameOf('fetchJob', pipeline);
    const deadline = now() + checkInteger('fetchJob: waitMs', options.waitMs, 0, 0);
    const signal = checkSignal('fetchJob: signal', options.signal);
    for (;;) {
      const askedMs = now();
      const leftMs = Math.max(0, deadline - askedMs);
      const waitMs = Math.ceil(Math.min(leftMs, WAIT_MS));
      const answer = await this.#ask('POST', '/jobs/fetch', bodyOf({ jobId, pipeline: name, waitMs }), this.#timeoutMs + waitMs, signal);
      const job = answer as unknown as FetchedJob<O>;
      // A server that stops answers before the time is over: to ask it again at once would be of no use.
      if (job.status === 'done' || job.status === 'failed' || leftMs <= WAIT_MS || now() - askedMs < waitMs) return job;
    }
  }

  /** The server's pipelines. */
  async availablePipelines(): Promise<readonly PipelineInfo[]> {
    const { pipelines } = await this.#ask('GET', '/available_pipelines', undefined, this.#timeoutMs);
    return pipelines as readonly PipelineInfo[];
  }

  /** Whether the server (or one of its pipelines) is well: the number of workers it can reach, null without a pool. Rejects if not. */
  async healthCheck(pipeline?: Named<never, unknown>): Promise<{ readonly status: 'ok'; readonly workers: number | null }> {
    const path = pipeline === undefined ? '' : `/pipelines/${encodeURIComponent(nameOf('healthCheck', pipeline))}`;
    const { workers } = await this.#ask('GET', `${path}/health_check`, undefined, this.#timeoutMs);
    return { status: 'ok', workers: workers as number | null };
  }

  /** Resolves to what the server answers, unless that is a refusal. */
  async #ask(method: 'GET' | 'POST', path: string, body: string | undefined, timeoutMs: number, signal?: AbortSignal): Promise<Answer> {
    const late = AbortSignal.timeout(Math.min(timeoutMs, 2 ** 31 - 1));
    try {
      const response = await fetch(this.url + path, {
        method,
        redirect: 'error',
        signal: signal === undefined ? late : AbortSignal.any([late, signal]),
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
      return answerOf(this.url, response.status, await response.text());
    } catch (error) {
      if (error instanceof PipelineError) throw error;
      signal?.throwIfAborted();
      if (late.aborted) throw new PipelineError('timed-out', `${this.url}: no answer within ${timeoutMs} ms`);
      const { cause = error }: { cause?: unknown } = error as { cause?: unknown };
      throw new PipelineError('unreachable', `${this.url}: ${messageOf(cause)}`, { cause: error });
    }
  }
}

type Answer = Readonly<Record<string, unknown>>;

function answerOf(url: string, httpStatus: number, text: string): Answer {
  const answer = objectOf(text);
  if (answer !== undefined && (httpStatus < 400 || typeof answer['status'] === 'string')) return answer;
  const error = answer?.['error'] as Partial<JobFailure> | undefined;
  const code = codeOf(error?.code);
  if (code === undefined)
    throw new PipelineError('unreachable', `${url}: HTTP ${httpStatus}, and no answer of a PipelinesServer`, { httpStatus });
  throw new PipelineError(code, String(error?.message), { httpStatus });
}

function objectOf(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}

function bodyOf(body: Readonly<Record<string, unknown>>): string {
  return toJson('input', body);
}

function nameOf(what: string, pipeline: Named<never, unknown>): string {
  const name: unknown = typeof pipeline === 'object' && pipeline !== null ? pipeline.name : pipeline;
  if (typeof name !== 'string' || name === '') throw new TypeError(`${what}: expected a Pipeline or its name, got ${shown(pipeline)}`);
  return name;
}

function baseOf(url: unknown): string {
  if (typeof url !== 'string' && !(url instanceof URL)) throw new TypeError(`PipelinesClient: expected a URL, got ${shown(url)}`);
  const parsed = URL.canParse(String(url)) ? new URL(String(url)) : undefined;
  if (parsed?.protocol !== 'http:' && parsed?.protocol !== 'https:')
    throw new TypeError(`PipelinesClient: expected a URL such as 'http://127.0.0.1:5600', got ${shownAddress(String(url))}`);
  return (parsed.origin + parsed.pathname).replace(/\/+$/, '');
}
