/**
 * A worker's side of a queue: takes jobs as long as there is room, keeps their locks, and tells what became of them. Jobs are fetched by
 * hand (docs.bullmq.io, "Manually processing jobs"), so that there is always as much room as the worker has slots that are not lent.
 */
import { UnrecoverableError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServeOptions, Serving } from '../gate.ts';
import { type KeptRecord, packRecord, type Submission, unpackSubmission } from '../record.ts';
import { inTime } from '../in_time.ts';
import { Renewer } from '../renewer.ts';
import { retryDelay } from '../retry_rule.ts';
import type { Connections } from './connections.ts';
import { INLINE_BYTES, type JobData, type RedisJob } from './data.ts';
import { prefixOf, type RedisSettings } from './settings.ts';

/** A record up to this size goes to its producer with the news. */
const NEWS_BYTES = 16_384;
/** How long the payload outlives a job whose worker died while it told of the end. */
const LAST_MS = 600_000;
/** How often a job may bring down its worker before it fails, less one. */
const MAX_STALLED = 2;
const IDLE_MS = 20;

export class RedisServing implements Serving {
  readonly #options: ServeOptions;
  readonly #redis: Redis;
  readonly #channels: Redis;
  readonly #prefix: string;
  readonly #worker: Worker<JobData, null>;
  readonly #renewer: Renewer;
  /** Jobs that run here, and how they are told that nobody wants them. */
  readonly #running = new Map<string, AbortController>();
  readonly #ending = new Set<Promise<void>>();
  /** Jobs whose functions have not ended: while what came of one is told, the next is fetched. */
  #busy = 0;
  #lent = 0;
  #closing = false;
  #room: () => void = () => undefined;

  constructor(settings: RedisSettings, connections: Connections, redis: Redis, options: ServeOptions) {
    const { queue, lockMs } = settings;
    this.#options = options;
    this.#redis = redis;
    this.#prefix = prefixOf(queue);
    this.#channels = connections.open('channels');
    this.#channels.on('message', (_channel: string, id: string) => this.#running.get(id)?.abort(new Error('the job was cancelled')));
    void this.#channels.subscribe(`${this.#prefix}:cancel`);
    this.#renewer = new Renewer('redis', settings, (error) => connections.failed(error));
    this.#worker = new Worker(queue, null, {
      connection: connections.open('queue'),
      prefix: this.#prefix,
      name: options.name,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: Math.ceil(lockMs / 2),
      maxStalledCount: MAX_STALLED,
      drainDelay: 2,
      skipVersionCheck: true,
      settings: { backoffStrategy: (_made, _type, error) => (error as Error & { delayMs?: number }).delayMs ?? 0 },
    });
    this.#worker.on('error', (error) => connections.failed(error));
    void this.#worker.startStalledCheckTimer();
    void this.#fetch();
  }

  lend(count: number): void {
    this.#lent = count;
    this.#room();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#room();
    for (const controller of this.#running.values()) controller.abort(new Error('the worker has stopped'));
    await inTime(Promise.all(this.#ending));
    await this.#renewer.close();
    await inTime(this.#worker.close(true));
  }

  /** Ends when it is closed, or when its connection is. */
  async #fetch(): Promise<void> {
    await this.#renewer.ready;
    for (let turn = 0; !this.#closing; turn += 1) {
      if (this.#busy >= this.#options.slots + this.#lent) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
        continue;
      }
      const sinceMs = Date.now();
      // It waits for a job for a while, by itself.
      const job = await this.#worker.getNextJob(`${this.#options.name}-${process.pid}-${turn}`).catch(() => undefined);
      if (job !== undefined) this.#begin(job);
      else if (Date.now() - sinceMs < IDLE_MS) await pause(IDLE_MS);
    }
  }

  #begin(job: RedisJob): void {
    const id = String(job.id);
    const controller = new AbortController();
    this.#running.set(id, controller);
    this.#busy += 1;
    let isOver = false;
    const over = (): void => {
      if (!isOver) this.#busy -= 1;
      isOver = true;
      this.#room();
    };
    this.#renewer.hold(id, String(job.token));
    const ending = this.#run(job, controller.signal, over)
      .catch((error: unknown) => void this.#worker.emit('error', error as Error))
      .finally(() => {
        this.#renewer.drop(id);
        this.#running.delete(id);
        this.#ending.delete(ending);
        over();
      });
    this.#ending.add(ending);
    if (this.#closing) controller.abort(new Error('the worker has stopped'));
  }

  /** Rejects if Redis does not take what came of it: then its lock is lost, or will be, and it runs elsewhere. */
  async #run(job: RedisJob, signal: AbortSignal, over: () => void): Promise<void> {
    const id = String(job.id);
    const token = String(job.token);
    const before = job.attemptsStarted - 1;
    // Cancelled, or ended by a worker that died before BullMQ knew.
    const isFirst = before === 0;
    const found = isFirst ? 0 : await this.#redis.exists(this.#key('record', id));
    const submission = await this.#submission(job);
    if (isFirst) void this.#abortIfEnded(id);
    if (found > 0) return await this.#settled(job, submission, undefined);
    if (submission === undefined) {
      const message = `${job.name}: its payload of ${job.data.bytes} bytes is gone from Redis`;
      const error = { code: 'function-threw', message, function: job.name, attempts: before, worker: '', stack: '' } as const;
      return await this.#settled(job, submission, { status: 'failed', attempts: before, error });
    }
    if (job.deferredFailure !== undefined) {
      const message = `${job.name}: ${before} workers that had begun it were lost`;
      const error = { code: 'worker-lost', message, function: job.name, attempts: before, worker: '', stack: '' } as const;
      return await this.#settled(job, submission, { status: 'failed', attempts: before, error });
    }
    const outcome = await this.#options.run(submission, before, signal);
    over();
    if (outcome === 'returned') {
      const cancelled = (await this.#redis.exists(this.#key('record', id))) > 0;
      return cancelled ? await this.#settled(job, submission, undefined) : void (await job.moveToWait(token));
    }
    const { error } = outcome;
    const attempts = before + 1;
    if (error === undefined) return await this.#settled(job, submission, { status: 'done', attempts, values: outcome.values });
    const delayMs = retryDelay(submission.options, error.code, job.attemptsMade + 1, Math.random());
    if (delayMs === undefined) return await this.#settled(job, submission, { status: 'failed', attempts, error });
    await job.moveToFailed(Object.assign(new Error(error.message), { stack: error.stack, delayMs }), token, false);
  }

  /** Cancelled before this worker was heard of: its function is told, what it gives is dropped. */
  async #abortIfEnded(id: string): Promise<void> {
    const found = await this.#redis.exists(this.#key('record', id)).catch(() => 0);
    if (found > 0) this.#running.get(id)?.abort(new Error('the job was cancelled'));
  }

  /** The job has ended so; undefined: its record is there already. The record comes first: what BullMQ does not hear of, it finds. */
  async #settled(job: RedisJob, submission: Submission | undefined, record: KeptRecord | undefined): Promise<void> {
    const id = String(job.id);
    const large = job.data.bytes > INLINE_BYTES;
    if (record !== undefined) {
      const packed = packRecord(record);
      const ttlMs = submission?.ttlMs ?? LAST_MS;
      const writing = this.#redis.multi().set(this.#key('record', id), packed, 'PX', ttlMs, 'NX');
      if (large) writing.pexpire(this.#key('payload', id), LAST_MS);
      await writing.exec();
      const news = packed.length <= NEWS_BYTES ? Buffer.concat([Buffer.from(`${id} `), packed]) : id;
      this.#redis.publish(this.#key('to', job.data.to), news).catch(() => undefined);
    }
    const failed = record?.error?.message ?? (record === undefined ? 'ended before' : undefined);
    if (failed === undefined) await job.moveToCompleted(null, String(job.token), false);
    else await job.moveToFailed(new UnrecoverableError(failed), String(job.token), false);
    if (large) await this.#redis.del(this.#key('payload', id));
  }

  /** Its payload's key does not expire while somebody works on it. Undefined: it is gone. */
  async #submission({ id, data }: RedisJob): Promise<Submission | undefined> {
    const job = unpackSubmission(Buffer.from(data.job, 'base64'));
    if (data.bytes <= INLINE_BYTES) return job;
    const payload = await this.#redis.getexBuffer(this.#key('payload', String(id)), 'PERSIST');
    return payload === null ? undefined : { ...job, payload };
  }

  #key(kind: 'payload' | 'record' | 'to', name: string): string {
    return `${this.#prefix}:${kind}:${name}`;
  }
}
