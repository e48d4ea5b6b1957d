/** The pool over our own master: nothing to install. */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '../client/client.ts';
import { checkInteger, checkOptions } from '../common/check.ts';
import { now } from '../common/clock.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { withoutLogin } from '../common/login.ts';
import { ClosedError } from '../errors.ts';
import { JOB_KEY } from '../master/desk.ts';
import type { FunctionsOf, Item, JobStream, Payload, Source, StreamOptions } from '../streams/types.ts';
import { engineOf } from '../transport/addresses.ts';
import type { Transport } from '../transport/transport.ts';
import { type SpawnWorkerOptions, type WorkerHandle, WorkerPool } from './pool.ts';
import {
  checkId,
  type JobRecord,
  packSubmission,
  readSubmission,
  RECORD_TTL_MS,
  shownRecord,
  type SubmitOptions,
  unpackRecord,
} from './record.ts';
import { spawnPoolWorker } from './spawning.ts';

/** What is kept to be submitted again. */
const CUSTODY_BYTES = 67_108_864;
const AGAIN_MS = 50;
/** For so long another master may not know a job that its producer, elsewhere, will submit again. */
const NEW_MS = 2_000;

export interface MasterPoolOptions {
  /** Where the master is, as `tcp://host:port` or `ipc://path`. */
  readonly address: string;
  /** How long a job's record stays after it has ended, in milliseconds. Default: an hour. */
  readonly recordTtlMs?: number | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
  /** How messages travel; default: ZeroMQ. */
  readonly transport?: Transport | undefined;
}

const POOLS = { redis: 'a RedisPool', nats: 'a NatsPool' } as const;

/**
 * Jobs wait and run at a master, and so do their records: in its memory, within its `maxBufferBytes`. They outlive whoever submitted
 * them, and every worker; not the master. When another one takes its place, a pool that is still there submits again what it has not
 * seen the end of (at most 64 MiB, the newest).
 */
export class MasterPool<W = never> extends WorkerPool<W> {
  readonly address: string;
  readonly #client: Client;
  readonly #ttlMs: number;
  readonly #logger: Logger;
  readonly #custody = new Map<string, Buffer>();
  #custodyBytes = 0;
  /** How often another master has come (or the same, without its sessions), and when; what is on its way to the last of them. */
  #masters = 0;
  #newMs = -Infinity;
  readonly #again = new Map<string, Promise<unknown>>();

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: MasterPoolOptions) {
    super();
    checkOptions('MasterPool', options, ['address', 'recordTtlMs', 'logger', 'transport']);
    const engine = engineOf(options.address);
    if (engine !== undefined)
      throw new TypeError(
        `MasterPool: address: expected a master's, got '${withoutLogin(options.address)}': openPool(address) opens ${POOLS[engine]}`,
      );
    const { recordTtlMs, ...own } = options;
    this.#ttlMs = checkInteger('MasterPool: recordTtlMs', recordTtlMs, RECORD_TTL_MS, 1);
    this.#client = new Client(own);
    this.#logger = loggerFor(options.logger);
    this.address = options.address;
    this.#client.events.on('connected', ({ how }) => {
      if (how === 'anew') this.#submitAgain();
    });
  }

  async workerCount(): Promise<number> {
    const status = await this.#client.status();
    return status.workers.length;
  }

  async spawnWorker(module: URL | string, options: SpawnWorkerOptions = {}): Promise<WorkerHandle> {
    return spawnPoolWorker(module, this.address, options);
  }

  async submit(fn: FunctionsOf<W>, payload: Payload, options: SubmitOptions = {}): Promise<string> {
    const job = readSubmission(fn, payload, options, this.#ttlMs);
    if (options.priority !== undefined) throw new TypeError('submit: priority: a master has no priorities, only RedisPool takes it');
    const packed = packSubmission(job);
    await this.#client.set(packed, JOB_KEY + job.id);
    this.#keep(job.id, packed);
    return job.id;
  }

  async fetch(id: string): Promise<JobRecord | undefined> {
    const bytes = await this.#recordOf(checkId('fetch: id', id));
    if (bytes === undefined) return undefined;
    const record = shownRecord(id, unpackRecord(bytes));
    if (record.status === 'done' || record.status === 'failed') this.#letGo(id);
    return record;
  }

  override async ended(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<JobRecord> {
    return await super.ended(checkId('ended: id', id), options);
  }

  async cancel(id: string): Promise<boolean> {
    const key = JOB_KEY + checkId('cancel: id', id);
    const [kept, masters] = [this.#custody.has(id), this.#masters];
    this.#letGo(id);
    for (;;) {
      if (await this.#client.delete(key)) return true;
      if (!kept && !this.#mayCome) return false;
      if ((await this.#client.get(key)) !== undefined) return false;
      // A master that has come meanwhile would have had it from here.
      if (kept && masters !== this.#masters) return true;
      if (!this.#mayCome) return false;
      await pause(AGAIN_MS);
    }
  }

  protected override stream(args: readonly unknown[]): JobStream<unknown> {
    const [name, payloads, options] = args as [string, Source<Item>, StreamOptions | undefined];
    return this.#client.job(name, payloads, options);
  }

  override async close(): Promise<void> {
    await this.#client.close();
  }

  #keep(id: string, packed: Buffer): void {
    this.#letGo(id);
    this.#custody.set(id, packed);
    this.#custodyBytes += packed.length;
    for (const oldest of this.#custody.keys()) {
      if (this.#custodyBytes <= CUSTODY_BYTES) return;
      this.#letGo(oldest);
    }
  }

  #letGo(id: string): void {
    this.#custodyBytes -= this.#custody.get(id)?.length ?? 0;
    this.#custody.delete(id);
  }

  /** Whether a job that is not there may come yet: the master is new, and its producer, elsewhere, submits it again. */
  get #mayCome(): boolean {
    return now() - this.#newMs < NEW_MS;
  }

  /** A master that has just come may be asked for a job before it has been submitted there again: then it is asked once more. */
  async #recordOf(id: string): Promise<Buffer | undefined> {
    for (;;) {
      const masters = this.#masters;
      const bytes = await this.#client.get(JOB_KEY + id);
      const again = this.#again.get(id);
      if (bytes !== undefined) return bytes;
      if (again !== undefined) await again;
      else if (masters === this.#masters && !this.#mayCome) return undefined;
      else await pause(AGAIN_MS);
    }
  }

  /** Nobody will ever hear of it otherwise. */
  #refused(id: string, error: Error): void {
    this.#letGo(id);
    if (!(error instanceof ClosedError))
      this.#logger.warn(`the job ${id} is lost: the master that came does not take it: ${error.message}`);
  }

  /** A master that knows a job already takes it for the same. */
  #submitAgain(): void {
    this.#masters += 1;
    this.#newMs = now();
    for (const [id, packed] of this.#custody) {
      const again = this.#client
        .set(packed, JOB_KEY + id)
        .catch((error: Error) => this.#refused(id, error))
        .finally(() => {
          if (this.#again.get(id) === again) this.#again.delete(id);
        });
      this.#again.set(id, again);
    }
  }
}
