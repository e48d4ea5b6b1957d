/**
 * A worker's side of a queue: takes jobs as long as there is room, keeps their locks, and tells what became of them. Jobs are fetched by
 * hand (docs.bullmq.io, "Manually processing jobs"), so that there is always as much room as the worker has slots that are not lent; the end
 * of one brings the next along.
 */
import { UnrecoverableError } from 'bullmq';
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServeOptions, Serving } from '../gate.ts';
import { inTime } from '../../common/clock.ts';
import { failedRecord, type KeptRecord, packRecord, type Submission } from '../record.ts';
import { Renewer } from '../renewer.ts';
import { retryDelay } from '../retry_rule.ts';
import { Running } from '../running.ts';
import type { Connections } from './connections.ts';
import { INLINE_BYTES, type RedisJob, submissionOf } from './data.ts';
import { prefixOf, type RedisSettings } from './settings.ts';
import { Subscription } from './subscription.ts';
import { Taker } from './taker.ts';

/** A record up to this size goes to its producer with the news. */
const NEWS_BYTES = 16_384;
/** How long the payload outlives a job whose worker died while it told of the end. */
const LAST_MS = 600_000;
/** Another worker may have been faster a few times in a row. */
const MAX_MISSES = 8;
const IDLE_MS = 20;

/**
 * Makes a job's record and tells its producer, unless there is one. BullMQ hears of the end right behind it, in the same write. If Redis
 * has no room for the record, the lock goes, so that BullMQ does not take the end either: the job runs again. If it lets nobody tell, the
 * producer finds the record later; answers why, or ''.
 */
const RECORD = `
local made = redis.pcall('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
if made and made.err then
  redis.call('DEL', KEYS[2])
  return made
end
if not made then return '' end
local told = redis.pcall('PUBLISH', ARGV[3], #ARGV[1] <= tonumber(ARGV[5]) and ARGV[4] .. ' ' .. ARGV[1] or ARGV[4])
return type(told) == 'table' and told.err or ''`;

export class RedisServing implements Serving {
  readonly #options: ServeOptions;
  readonly #redis: Redis;
  readonly #connections: Connections;
  readonly #prefix: string;
  readonly #taker: Taker;
  readonly #renewer: Renewer;
  readonly #running = new Running();
  readonly #ending = new Set<Promise<void>>();
  /** Jobs that run here, or are fetched by the end of another. */
  #busy = 0;
  #lent = 0;
  #closing = false;
  #room: () => void = () => undefined;

  constructor(settings: RedisSettings, connections: Connections, options: ServeOptions) {
    this.#options = options;
    this.#prefix = prefixOf(settings.queue);
    this.#connections = connections;
    // What was cancelled before it was heard is looked up.
    const cancelled = new Subscription(connections, `${this.#prefix}:cancel`, {
      message: (id) => this.#running.cancel(id.toString()),
      heard: () => void this.#lookForCancelled(),
    });
    this.#renewer = new Renewer('redis', settings, (error) => connections.troubles.hear(error));
    this.#redis = connections.open();
    this.#taker = new Taker(settings, this.#redis, options.name);
    this.#taker.on('error', (error) => connections.troubles.hear(error));
    void this.#taker.startStalledCheckTimer();
    void Promise.all([this.#renewer.ready, cancelled.wanted(), this.#taker.ready()]).then(
      () => this.#fetch(),
      (error: Error) => {
        // Else it was closed before it was connected.
        if (!this.#closing) connections.troubles.hear(error);
      },
    );
  }

  lend(count: number): void {
    this.#lent = count;
    this.#room();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#room();
    this.#running.stop();
    await inTime(Promise.all(this.#ending));
    await this.#renewer.close();
    await inTime(this.#taker.close(true));
  }

  /** Ends when it is closed, or when its connection is. */
  async #fetch(): Promise<void> {
    const token = randomUUID();
    let misses = 0;
    for (let turn = 0; !this.#closing; turn += 1) {
      if (this.#busy >= this.#options.slots + this.#lent) {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
        continue;
      }
      const sinceMs = performance.now();
      // Once the queue is found empty it waits for a job, by itself; but not while its rate is limited, or something is wrong.
      const job = await this.#taker.getNextJob(`${token}-${turn}`).catch(() => undefined);
      if (job !== undefined) this.#begin(job);
      misses = job === undefined && performance.now() - sinceMs < IDLE_MS ? misses + 1 : 0;
      if (misses > MAX_MISSES) await pause(IDLE_MS);
    }
  }

  /** One place of this worker: it goes from job to job, as long as the end of one brings another. */
  #begin(first: RedisJob): void {
    this.#busy += 1;
    const chain = async (): Promise<void> => {
      let job: RedisJob | undefined = first;
      while (job !== undefined) job = await this.#carryOut(job);
      this.#busy -= 1;
      this.#ending.delete(ending);
      this.#room();
    };
    const ending = chain();
    this.#ending.add(ending);
  }

  /** Resolves to the next one, if its end has brought one. Never rejects. */
  async #carryOut(job: RedisJob): Promise<RedisJob | undefined> {
    const id = String(job.id);
    const signal = this.#running.begin(id);
    this.#renewer.jobs.hold(id, String(job.token));
    try {
      return await this.#run(job, signal);
    } catch (error) {
      // Redis does not take what came of it: then its lock is lost, or will be, and it runs elsewhere.
      this.#taker.emit('error', error as Error);
      return undefined;
    } finally {
      this.#renewer.jobs.drop(id);
      this.#running.end(id);
    }
  }

  async #run(job: RedisJob, signal: AbortSignal): Promise<RedisJob | undefined> {
    const told = this.#told(job);
    if (told === undefined) return await this.#taker.failed(job, new UnrecoverableError('it is none of gristmill'), this.#hasRoom());
    const before = job.attemptsStarted - 1;
    // Cancelled, or ended by a worker that died before BullMQ knew.
    const isOver = before > 0 && (await this.#hasRecord(job));
    const submission = await this.#submission(job, told);
    if (isOver) return await this.#end(job, submission, undefined);
    const lost = (code: 'function-threw' | 'worker-lost', text: string): Promise<RedisJob | undefined> =>
      this.#end(job, submission, failedRecord(code, job.name, `${job.name}: ${text}`, before));
    if (submission === undefined) return await lost('function-threw', `its payload of ${job.data.bytes} bytes is gone from Redis`);
    if (job.deferredFailure !== undefined) return await lost('worker-lost', `${before} workers that had begun it were lost`);
    const outcome = await this.#options.run(submission, before, signal);
    if (outcome === 'returned') {
      if (await this.#hasRecord(job)) return await this.#end(job, submission, undefined);
      await job.moveToWait(String(job.token));
      return undefined;
    }
    const { error, values } = outcome;
    const attempts = before + 1;
    if (error === undefined) return await this.#end(job, submission, { status: 'done', attempts, values });
    const delayMs = retryDelay(submission.options, error.code, job.attemptsMade + 1, Math.random());
    if (delayMs === undefined) return await this.#end(job, submission, { status: 'failed', attempts, error });
    return await this.#taker.failed(job, Object.assign(new Error(error.message), { stack: error.stack, delayMs }), this.#hasRoom());
  }

  /** The job has ended so; undefined: its record is there already. The record comes first: what BullMQ does not hear of, it finds. */
  async #end(job: RedisJob, submission: Submission | undefined, record: KeptRecord | undefined): Promise<RedisJob | undefined> {
    const large = job.data.bytes > INLINE_BYTES;
    const payload = this.#key('payload', String(job.id));
    const recorded = record === undefined ? undefined : this.#record(job, record, submission?.ttlMs ?? LAST_MS);
    // Should BullMQ not hear of the end.
    if (large) this.#redis.pexpire(payload, LAST_MS).catch(() => undefined);
    const failed = record === undefined ? 'ended before' : record.error?.message;
    const ended =
      failed === undefined
        ? this.#taker.done(job, this.#hasRoom())
        : this.#taker.failed(job, new UnrecoverableError(failed), this.#hasRoom());
    const [next, made] = await Promise.allSettled([ended, recorded]);
    if (made.status === 'rejected') this.#connections.troubles.hear(made.reason as Error);
    if (next.status === 'rejected') throw next.reason;
    if (large) this.#redis.del(payload).catch(() => undefined);
    return next.value;
  }

  async #record(job: RedisJob, record: KeptRecord, ttlMs: number): Promise<void> {
    const id = String(job.id);
    const keys = [this.#key('record', id), this.#taker.lockOf(job)] as const;
    const values = [packRecord(record), ttlMs, this.#key('to', job.data.to), id, NEWS_BYTES];
    const untold = await this.#redis.eval(RECORD, keys.length, ...keys, ...values);
    if (untold !== '') this.#connections.troubles.hear(new Error(String(untold)));
  }

  async #hasRecord(job: RedisJob): Promise<boolean> {
    return (await this.#redis.exists(this.#key('record', String(job.id)))) > 0;
  }

  /** Undefined: nobody can run it. */
  #told(job: RedisJob): Submission | undefined {
    try {
      return submissionOf(job);
    } catch {
      this.#connections.troubles.hear(new Error(`the job ${String(job.id)} ('${job.name}') is none of gristmill, and fails`));
      return undefined;
    }
  }

  /** Its payload's key does not expire while somebody works on it. Undefined: it is gone. */
  async #submission({ id, data }: RedisJob, told: Submission): Promise<Submission | undefined> {
    if (data.bytes <= INLINE_BYTES) return told;
    const payload = await this.#redis.getexBuffer(this.#key('payload', String(id)), 'PERSIST');
    return payload === null ? undefined : { ...told, payload };
  }

  #hasRoom(): boolean {
    return !this.#closing && this.#busy <= this.#options.slots + this.#lent;
  }

  async #lookForCancelled(): Promise<void> {
    for (const id of this.#running.ids) {
      const found = await this.#redis.exists(this.#key('record', id)).catch(() => 0);
      if (found > 0) this.#running.cancel(id);
    }
  }

  #key(kind: 'payload' | 'record' | 'to', name: string): string {
    return `${this.#prefix}:${kind}:${name}`;
  }
}
