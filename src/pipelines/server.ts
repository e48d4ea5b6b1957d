import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { checkBoolean, checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import { Emitter } from '../common/emitter.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { onSignals } from '../common/signals.ts';
import { ClosedError } from '../errors.ts';
import { WorkerPool } from '../pools/pool.ts';
import type { SubmitOptions } from '../pools/record.ts';
import { JOB_OPTIONS, readJobOptions } from '../streams/job_options.ts';
import type { JobOptions } from '../streams/types.ts';
import { Calls } from './calls.ts';
import { createHttp, type HttpOptions } from './http.ts';
import type { Pipeline } from './pipeline.ts';
import { Shelf } from './shelf.ts';

const OPTIONS = [
  'pipelines',
  'pool',
  'useWorkers',
  'host',
  'port',
  'insecure',
  'maxBodyBytes',
  'maxConnections',
  'callTimeoutMs',
  'requestTimeoutMs',
  'poolTimeoutMs',
  'jobOptions',
  'logger',
] as const;
const MAX_BODY_BYTES = 2 ** 20;
const MAX_CONNECTIONS = 1_024;
const CALL_MS = 60_000;
const REQUEST_MS = 30_000;
const POOL_MS = 10_000;
const STOP_MS = 10_000;
/** The longest that a timer of Node takes. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface PipelinesServerOptions {
  readonly pipelines: readonly Pipeline[];
  /** Where calls go that ask for a worker. The server does not close it. */
  readonly pool?: WorkerPool | undefined;
  /** Whether calls go to workers; unset: pipeline and request decide. See the rule of three in docs/pipelines.md. */
  readonly useWorkers?: boolean | undefined;
  /** Default: `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Default: a free one; `url` tells which. */
  readonly port?: number | undefined;
  /** Lets other machines reach it: nothing is encrypted, and nobody is asked who they are. Put a proxy before it that does. */
  readonly insecure?: boolean | undefined;
  /** The largest body of a request. Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** How many connections, requests, and calls in this process there may be at a time; each. Default: 1,024. */
  readonly maxConnections?: number | undefined;
  /** How long a call may take in this process, in milliseconds; then its nodes are told by their signal. Default: 60 s. */
  readonly callTimeoutMs?: number | undefined;
  /** How long a client may take to send a request, in milliseconds. Default: 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long the pool may take to answer, in milliseconds; then the caller is told that it is `unavailable`. Default: 10 s. */
  readonly poolTimeoutMs?: number | undefined;
  /** What is said of each job that goes to the pool: `retries`, `timeoutMs`, … */
  readonly jobOptions?: Omit<SubmitOptions, 'id'> | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
}

/** What a server tells. */
export interface PipelinesServerEvents {
  /** It has stopped, and nothing of it is left. */
  closed: undefined;
}

/**
 * Serves pipelines over HTTP: JSON in, JSON out. It needs the package fastify.
 *
 * @example
 *     const server = new PipelinesServer({ pipelines: [isOdd], pool: new MasterPool({ address }), port: 5600 });
 *     await server.start({ signals: true });
 */
export class PipelinesServer implements AsyncDisposable {
  /** `closed`. */
  readonly events: Emitter<PipelinesServerEvents> = new Emitter();
  readonly #calls: Calls;
  readonly #http: HttpOptions;
  readonly #host: string;
  readonly #port: number;
  #opening: Promise<FastifyInstance> | undefined;
  #closing: Promise<void> | undefined;
  #url: string | undefined;
  #uninstall: () => void = () => undefined;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: PipelinesServerOptions) {
    checkOptions('PipelinesServer', options, OPTIONS);
    const { pool, host = '127.0.0.1', insecure } = options;
    const shelf = new Shelf('PipelinesServer', options.pipelines);
    const useWorkers =
      options.useWorkers === undefined ? undefined : checkBoolean('PipelinesServer: useWorkers', options.useWorkers, false);
    if (pool !== undefined && !(pool instanceof WorkerPool))
      throw new TypeError(`PipelinesServer: pool: expected a WorkerPool, got ${shown(pool)}`);
    if (pool === undefined) checkNoWorkers(shelf, useWorkers);
    this.#host = checkString('PipelinesServer: host', host);
    if (!isLoopback(host) && !checkBoolean('PipelinesServer: insecure', insecure, false))
      throw new RangeError(
        `PipelinesServer: host: other machines could reach '${host}' and nothing would be encrypted; take 127.0.0.1, or say insecure: true`,
      );
    this.#port = checkInteger('PipelinesServer: port', options.port, 0, 0, 65_535);
    const maxConnections = checkInteger('PipelinesServer: maxConnections', options.maxConnections, MAX_CONNECTIONS, 1);
    this.#calls = new Calls({
      shelf,
      pool,
      useWorkers,
      maxRunning: maxConnections,
      callTimeoutMs: checkInteger('PipelinesServer: callTimeoutMs', options.callTimeoutMs, CALL_MS, 1, MAX_TIMER_MS),
      poolTimeoutMs: checkInteger('PipelinesServer: poolTimeoutMs', options.poolTimeoutMs, POOL_MS, 1, MAX_TIMER_MS),
      jobOptions: checkJobOptions(options.jobOptions),
    });
    this.#http = {
      calls: this.#calls,
      shelf,
      maxConnections,
      maxBodyBytes: checkInteger('PipelinesServer: maxBodyBytes', options.maxBodyBytes, MAX_BODY_BYTES, 1),
      requestTimeoutMs: checkInteger('PipelinesServer: requestTimeoutMs', options.requestTimeoutMs, REQUEST_MS, 1, MAX_TIMER_MS),
      logger: loggerFor(options.logger),
    };
  }

  /** Where it is, as `http://127.0.0.1:5600`; undefined before it has started. */
  get url(): string | undefined {
    return this.#url;
  }

  /**
   * Listens. Rejects with what the system says if it cannot, and with an Error if the package fastify is missing.
   * @param options `signals: true`: SIGINT and SIGTERM stop it in order
   */
  async start(options: { readonly signals?: boolean | undefined } = {}): Promise<void> {
    checkOptions('start', options, ['signals']);
    const signals = checkBoolean('start: signals', options.signals, false);
    if (this.#opening !== undefined || this.#closing !== undefined) throw new Error('start: the server was started already');
    this.#opening = this.#open();
    if (signals) this.#uninstall = onSignals(() => void this.stop());
    try {
      await this.#opening;
    } catch (error) {
      this.#uninstall();
      throw error;
    }
  }

  async #open(): Promise<FastifyInstance> {
    const app = await createHttp(this.#http);
    try {
      await app.listen({ host: this.#host, port: this.#port });
    } catch (error) {
      await app.close();
      throw error;
    }
    const { address, port, family } = app.server.address() as AddressInfo;
    this.#url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    return app;
  }

  /**
   * Accepts no more, answers who waits for a job, lets calls that run here end, and closes. What was given to the pool goes on there.
   * @param options `deadlineMs`: how long that may take; then what runs is told by its signal, and connections are cut. Default: 10 s.
   *   A later call may only make it shorter.
   */
  async stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    checkOptions('stop', options, ['deadlineMs']);
    const deadlineMs = checkInteger('stop: deadlineMs', options.deadlineMs, STOP_MS, 0, MAX_TIMER_MS);
    this.#closing ??= this.#close();
    const timer = setTimeout(() => void this.#cut(), deadlineMs);
    try {
      await this.#closing;
    } finally {
      clearTimeout(timer);
    }
  }

  async #close(): Promise<void> {
    this.#calls.leave();
    // Why it could not be opened, start() has said.
    const app = await this.#opening?.catch(() => undefined);
    await app?.close();
    this.#uninstall();
    this.events.emit('closed', undefined);
  }

  async #cut(): Promise<void> {
    this.#calls.abort(new ClosedError('closed', 'the server was stopped'));
    const app = await this.#opening?.catch(() => undefined);
    // What was told to stop may answer yet.
    setImmediate(() => app?.server.closeAllConnections());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** What needs workers is refused at once where there can be none. */
function checkNoWorkers(shelf: Shelf, useWorkers: boolean | undefined): void {
  if (useWorkers === true) throw new RangeError('PipelinesServer: useWorkers: expected a pool besides, got true without one');
  for (const { name, workerFunctions } of shelf.all) {
    const [first] = workerFunctions;
    if (first !== undefined)
      throw new RangeError(`PipelinesServer: pool: pipeline '${name}' calls the worker function '${first}', and there is no pool`);
  }
}

/** Said wrongly, they would fail each job. */
function checkJobOptions(jobOptions: unknown = {}): Omit<SubmitOptions, 'id'> {
  checkOptions('PipelinesServer: jobOptions', jobOptions, [...JOB_OPTIONS, 'priority']);
  readJobOptions('PipelinesServer: jobOptions', jobOptions as JobOptions);
  return jobOptions as Omit<SubmitOptions, 'id'>;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
