/** What the pools over engines share: the engine is loaded when it is first needed, and everything is asked of it. */
import { setTimeout } from 'node:timers/promises';
import type { FunctionsOf, Payload } from '../streams/types.ts';
import { checkOptions, checkSignal } from '../common/check.ts';
import { shared } from '../common/signals.ts';
import { ClosedError } from '../errors.ts';
import type { Keeper } from './forwarder.ts';
import type { Engine } from './gate.ts';
import { type SpawnWorkerOptions, type WorkerHandle, WorkerPool } from './pool.ts';
import { checkId, type JobRecord, type KeptRecord, readSubmission, shownRecord, type Submission, type SubmitOptions } from './record.ts';
import { spawnPoolWorker } from './spawning.ts';

/** How long an engine has to hear which jobs of streams are cancelled, when the pool is closed. */
const LINGER_MS = 1_000;

/** An engine, as a pool asks it. */
export interface PoolEngine extends Engine {
  /** Resolves when the engine has the job. One of the same id is the same job. */
  send(job: Submission): Promise<void>;
  fetch(id: string): Promise<KeptRecord | undefined>;
  /** Resolves when a job has ended, or to undefined if there is none. */
  ended(id: string, signal: AbortSignal | undefined): Promise<KeptRecord | undefined>;
  workerCount(): Promise<number>;
  /** Lets go, at once: what waits rejects with a ClosedError. */
  close(): Promise<void>;
}

export abstract class EnginePool<W = never> extends WorkerPool<W> {
  readonly #load: () => Promise<PoolEngine>;
  readonly #address: string;
  readonly #ttlMs: number;
  #engine: Promise<PoolEngine> | undefined;
  /** What is asked of the engine and has no answer. */
  readonly #asked = new Set<(error: Error) => void>();
  /** Jobs of streams that the engine was told to cancel. */
  readonly #cancelling = new Set<Promise<boolean>>();
  #closed = false;

  /**
   * @param address what a spawned worker finds on its command line
   * @param load makes the engine
   */
  constructor(address: string, ttlMs: number, load: () => Promise<PoolEngine>) {
    super();
    this.#address = address;
    this.#ttlMs = ttlMs;
    this.#load = load;
  }

  /** Where workers dial. */
  get address(): string {
    return this.#address;
  }

  async workerCount(): Promise<number> {
    return await this.#ask((engine) => engine.workerCount());
  }

  async spawnWorker(module: URL | string, options: SpawnWorkerOptions = {}): Promise<WorkerHandle> {
    return spawnPoolWorker(module, this.#address, options);
  }

  async submit(fn: FunctionsOf<W>, payload: Payload, options: SubmitOptions = {}): Promise<string> {
    const job = readSubmission(fn, payload, options, this.#ttlMs);
    if (options.resources !== undefined) throw new TypeError('submit: resources: an engine gives none, only a master with grain() does');
    this.checkSubmission(options);
    await this.#ask((engine) => engine.send(job));
    return job.id;
  }

  async fetch(id: string): Promise<JobRecord | undefined> {
    const checked = checkId('fetch: id', id);
    const record = await this.#ask((engine) => engine.fetch(checked));
    return record === undefined ? undefined : shownRecord(id, record);
  }

  override async ended(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<JobRecord> {
    checkOptions('ended', options, ['signal']);
    const checked = checkId('ended: id', id);
    const signal = shared(checkSignal('ended: signal', options.signal));
    const record = await this.#ask((engine) => engine.ended(checked, signal));
    if (record === undefined) throw new RangeError(`ended: there is no job '${id}', or its record has expired`);
    return shownRecord(id, record);
  }

  async cancel(id: string): Promise<boolean> {
    const checked = checkId('cancel: id', id);
    return await this.#ask((engine) => engine.cancel(checked));
  }

  override async close(): Promise<void> {
    this.#closed = true;
    // First of all: what streams still wait for is no failure of their jobs any more.
    await super.close();
    const told = new AbortController();
    await Promise.race([Promise.allSettled(this.#cancelling), setTimeout(LINGER_MS, undefined, { signal: told.signal })]);
    told.abort();
    const engine = await this.#engine?.catch(() => undefined);
    await engine?.close();
    // An engine that is gone never answers.
    for (const fail of this.#asked) fail(new ClosedError('closed', 'the pool was closed'));
  }

  /** Throws for what this engine does not have. */
  protected checkSubmission(_options: SubmitOptions): void {}

  protected override keeper(): Keeper {
    return {
      carryOut: (job, signal) => this.#ask((engine) => engine.carryOut(job, signal)),
      cancel: (id) => this.#cancelled(id),
    };
  }

  /** Cancels a stream's job, also while the pool closes. */
  async #cancelled(id: string): Promise<boolean> {
    const answer = Promise.resolve(this.#engine).then((engine) => engine?.cancel(id) ?? false);
    this.#cancelling.add(answer);
    return await answer.finally(() => this.#cancelling.delete(answer));
  }

  async #ask<T>(action: (engine: PoolEngine) => Promise<T>): Promise<T> {
    if (this.#closed) throw new ClosedError('closed', 'the pool was closed');
    this.#engine ??= this.#load();
    const engine = await this.#engine;
    return await new Promise<T>((resolve, reject) => {
      this.#asked.add(reject);
      action(engine)
        .finally(() => this.#asked.delete(reject))
        .then(resolve, reject);
    });
  }
}
