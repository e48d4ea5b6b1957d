/**
 * Jobs on BullMQ. A job's small payload travels in its data, a large one in a key of its own; its record is a key that expires.
 *
 *     {queue}:payload:ID   the payload, if it is large; kept until the job has ended
 *     {queue}:record:ID    what became of it, for its time to live. Whoever sets it first has decided (NX)
 *     {queue}:cache:KEY    the cache
 *     {queue}:to:PRODUCER  a channel: jobs of this producer that have ended, with their records if they are small
 *     {queue}:cancel       a channel: ids of jobs whose functions are to be told
 *
 * Channels may lose what they carry: whoever waits looks for the record as well, and a worker looks before it begins.
 */
import { Job, Queue } from 'bullmq';
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { KeyStore } from '../../master/desk.ts';
import type { PoolEngine } from '../engine_pool.ts';
import type { ServeOptions, Serving } from '../gate.ts';
import { type KeptRecord, packRecord, packSubmission, type Submission, unpackRecord } from '../record.ts';
import { maxAttempts } from '../retry_rule.ts';
import type { Troubles } from '../troubles.ts';
import { Waiters } from '../waiters.ts';
import { Connections } from './connections.ts';
import { INLINE_BYTES, type JobData, type RedisJob } from './data.ts';
import { RedisServing } from './serving.ts';
import { prefixOf, type RedisSettings } from './settings.ts';
import { Subscription } from './subscription.ts';

/** How long the payload stays of a job that was never quite submitted: its producer died meanwhile. */
const ORPHAN_MS = 3_600_000;
/** Jobs that have ended, and that BullMQ still shows. */
const SHOWN_JOBS = 1_000;

export class RedisEngine implements PoolEngine {
  readonly keys: KeyStore;
  readonly #settings: RedisSettings;
  readonly #connections: Connections;
  readonly #redis: Redis;
  readonly #news: Subscription;
  readonly #queue: Queue<JobData, null, string, JobData, null, string>;
  readonly #id = randomUUID();
  readonly #waiters = new Waiters((id) => this.fetch(id));
  readonly #prefix: string;
  /** Which run of Redis it is; asked again when its connection has broken. */
  #run: Promise<string> | undefined;

  constructor(settings: RedisSettings, warn: (text: string) => void) {
    this.#settings = settings;
    this.#prefix = prefixOf(settings.queue);
    this.#connections = new Connections(settings.url, warn);
    this.#redis = this.#connections.open();
    this.#redis.on('close', () => {
      this.#run = undefined;
    });
    // After a break, what was said meanwhile is looked up.
    this.#news = new Subscription(this.#connections, this.key('to', this.#id), {
      message: (message) => this.#heard(message),
      heard: () => void this.#waiters.look(0),
    });
    this.#queue = new Queue(settings.queue, { connection: this.#connections.open(), prefix: this.#prefix, skipVersionCheck: true });
    this.#queue.on('error', (error) => this.troubles.hear(error));
    this.keys = {
      get: async (key) => (await this.#redis.getBuffer(this.key('cache', key))) ?? undefined,
      set: async (value, key) => {
        await this.#redis.set(this.key('cache', key), Buffer.from(value));
        return key;
      },
      delete: async (key) => (await this.#redis.del(this.key('cache', key))) > 0,
    };
  }

  key(kind: 'payload' | 'record' | 'cache' | 'to', name: string): string {
    return `${this.#prefix}:${kind}:${name}`;
  }

  async ready(): Promise<void> {
    await this.#redis.ping();
  }

  get troubles(): Troubles {
    return this.#connections.troubles;
  }

  /** @param signal nobody wants it any more */
  async send(job: Submission, signal?: AbortSignal): Promise<void> {
    await this.#news.wanted();
    signal?.throwIfAborted();
    const { id, payload, ttlMs, priority, nested } = job;
    const inline = payload.length <= INLINE_BYTES;
    const packed = packSubmission(inline ? job : { ...job, payload: Buffer.alloc(0) });
    const data: JobData = { job: packed.toString('base64'), bytes: payload.length, to: this.#id };
    const key = this.key('payload', id);
    if (!inline) await this.#redis.set(key, Buffer.from(payload), 'PX', ORPHAN_MS);
    const keep = { age: Math.ceil(ttlMs / 1_000), count: SHOWN_JOBS };
    await this.#queue.add(job.function, data, {
      jobId: id,
      attempts: maxAttempts(job.options),
      backoff: { type: 'gristmill' },
      removeOnComplete: keep,
      removeOnFail: keep,
      ...(priority > 0 ? { priority } : {}),
      // A function waits for it: it goes before those that have not begun.
      ...(nested === true ? { lifo: true } : {}),
    });
    if (!inline) await this.#redis.persist(key);
  }

  async fetch(id: string): Promise<KeptRecord | undefined> {
    const packed = await this.#redis.getBuffer(this.key('record', id));
    if (packed !== null) return unpackRecord(packed);
    const job: RedisJob | undefined = await Job.fromId(this.#queue, id);
    const state = (await job?.getState()) ?? 'unknown';
    const attempts = job?.attemptsStarted ?? 0;
    if (state === 'active') return { status: 'running', attempts };
    if (state === 'delayed') return { status: 'deferred', attempts };
    if (state !== 'failed' && state !== 'completed' && state !== 'unknown') return { status: 'queued', attempts };
    // It has ended meanwhile, or its record has expired, or there is none: also by word of the connection that is asked for records.
    const ended = await this.#redis.getBuffer(this.key('record', id));
    return ended === null ? undefined : unpackRecord(ended);
  }

  async ended(id: string, signal: AbortSignal | undefined): Promise<KeptRecord | undefined> {
    const waiting = this.#waiters.wait(id, signal);
    void this.#waiters.lookUp(id);
    return await waiting;
  }

  async carryOut(job: Submission, signal: AbortSignal): Promise<KeptRecord> {
    const { id } = job;
    let last: string | undefined;
    const send = async (): Promise<void> => {
      const run = await this.#runId();
      signal.throwIfAborted();
      if (run === last) throw new Error(`${job.function}: the job is gone from Redis`);
      last = run;
      await this.send(job, signal);
      // It was given up while it was on its way: who did looked for it too early.
      if (signal.aborted) await this.cancel(id);
      this.#waiters.sent(id);
    };
    try {
      // It may end before we hear that it was taken. And if it is gone from a Redis that was started again, which may have lost its last
      // seconds (appendfsync everysec), it is sent again.
      for (;;) {
        const [record] = await Promise.all([this.#waiters.wait(id, signal, true), send()]);
        if (record === undefined) continue;
        this.#redis.del(this.key('record', id)).catch(() => undefined);
        return record;
      }
    } finally {
      this.#waiters.tell(id, undefined);
    }
  }

  /** Empty where nobody may ask for it. */
  #runId(): Promise<string> {
    this.#run ??= this.#redis.info('server').then(
      (text) => /^run_id:(\w+)/m.exec(text)?.[1] ?? '',
      () => '',
    );
    return this.#run;
  }

  async cancel(id: string): Promise<boolean> {
    const job: RedisJob | undefined = await Job.fromId(this.#queue, id);
    if (job === undefined) return false;
    const attempts = job.attemptsStarted;
    const error = { code: 'cancelled', function: job.name, attempts, worker: '', stack: '' } as const;
    const record: KeptRecord = { status: 'failed', attempts, error: { ...error, message: `${job.name}: the job was cancelled` } };
    const state = await job.getState();
    if (state === 'completed' || state === 'failed' || state === 'unknown') return false;
    const ttlMs = (job.opts.removeOnFail as { age: number }).age * 1_000;
    const first = await this.#redis.set(this.key('record', id), packRecord(record), 'PX', ttlMs, 'NX');
    if (first === null) return false;
    // A worker that does not hear of it finds the record.
    await this.#redis.publish(`${this.#prefix}:cancel`, id).catch((error: Error) => this.troubles.hear(error));
    // One that a worker has cannot be removed: the worker finds the record.
    const removed = await job.remove().then(
      () => true,
      () => false,
    );
    if (removed) await this.#redis.del(this.key('payload', id));
    this.#waiters.tell(id, record);
    return true;
  }

  async workerCount(): Promise<number> {
    return await this.#queue.getWorkersCount();
  }

  serve(options: ServeOptions): Serving {
    return new RedisServing(this.#settings, this.#connections, options);
  }

  async close(): Promise<void> {
    this.#waiters.close();
    // Nothing is waited for: an engine that is gone would not answer.
    this.#connections.close();
    await this.#queue.close().catch(() => undefined);
  }

  /** `ID` and a space, then the record; without one it is to be fetched. */
  #heard(message: Buffer): void {
    const space = message.indexOf(32);
    const id = message.toString('utf8', 0, space < 0 ? message.length : space);
    if (!this.#waiters.has(id)) return;
    if (space >= 0) return this.#waiters.hear(id, unpackRecord(message.subarray(space + 1)));
    void this.#waiters.lookUp(id);
  }
}
