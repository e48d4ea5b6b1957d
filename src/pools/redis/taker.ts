/** BullMQ's worker, as far as it is used: jobs are asked for, and their ends are told, by hand. */
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { JobData, RedisJob } from './data.ts';
import { prefixOf, type RedisSettings } from './settings.ts';

/** How often a job may bring down its worker before it fails, less one. */
const MAX_STALLED = 2;

export class Taker extends Worker<JobData, null> {
  constructor({ queue, lockMs }: RedisSettings, connection: Redis, name: string) {
    super(queue, null, {
      connection,
      prefix: prefixOf(queue),
      name,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: Math.ceil(lockMs / 2),
      maxStalledCount: MAX_STALLED,
      drainDelay: 2,
      skipVersionCheck: true,
      settings: { backoffStrategy: (_made, _type, error) => (error as Error & { delayMs?: number }).delayMs ?? 0 },
    });
  }

  /** Resolves when it is connected. */
  async ready(): Promise<void> {
    await this.waitUntilReady();
    // Redis is 6.2 or later. BullMQ has not asked, and would wait for whole seconds: so long a job that is to be tried again.
    Object.assign(this.backend.blockingConnection?.capabilities ?? {}, { canDoubleTimeout: true, canBlockFor1Ms: false });
  }

  /**
   * A job is done. Rejects if it was no longer this worker's.
   * @param more whether the next one is taken at once: it resolves to that
   */
  async done(job: RedisJob, more: boolean): Promise<RedisJob | undefined> {
    return await this.handleCompleted(null, job, String(job.token), () => more);
  }

  /** A job has failed; it is tried again if the error does not forbid it. As `done`. */
  async failed(job: RedisJob, error: Error, more: boolean): Promise<RedisJob | undefined> {
    return await this.handleFailed(error, job, String(job.token), () => more);
  }

  /** The key of a job's lock. */
  lockOf(job: RedisJob): string {
    return `${this.toKey(String(job.id))}:lock`;
  }
}
