/** Jobs on Redis, by BullMQ: `gristmill/pools/redis`. Needs the packages bullmq and ioredis, which are loaded when it is first used. */
import { checkInteger, checkOptions, shown } from '../common/check.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { EnginePool, type PoolEngine } from './engine_pool.ts';
import { PACKAGES } from './check.ts';
import { checkInstalled } from './installed.ts';
import { RECORD_TTL_MS, type SubmitOptions } from './record.ts';
import { prefixOf, readRedis, redisAddress, type RedisSettings } from './redis/settings.ts';

export interface RedisPoolOptions {
  /** `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. */
  readonly url: string;
  /** The name of BullMQ's queue. All its workers serve the same functions. Default: `gristmill`. */
  readonly queue?: string | undefined;
  /** How long a worker may be silent before its jobs run elsewhere, in milliseconds. Default: 10 s. */
  readonly lockMs?: number | undefined;
  /** How long a job's record stays after it has ended, in milliseconds. Default: an hour. */
  readonly recordTtlMs?: number | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
}

/**
 * Jobs wait in Redis, and outlive every process of ours. Workers are those of `new MyWorker({ name, address: 'redis://…' })`.
 *
 * Its queue is one of BullMQ: `new Queue(pool.queue, { prefix: pool.prefix, connection })` shows it to dashboards, and limits its rate
 * (`setGlobalRateLimit`).
 */
export class RedisPool<W = never> extends EnginePool<W> {
  /** The name of BullMQ's queue, and the prefix of its keys. */
  readonly queue: string;
  readonly prefix: string;

  /** @throws TypeError or RangeError for a wrong option; Error that says what to install, if a package is missing */
  constructor(options: RedisPoolOptions) {
    checkOptions('RedisPool', options, ['url', 'queue', 'lockMs', 'recordTtlMs', 'logger']);
    const settings = readRedis('RedisPool: url', options.url, options);
    const ttlMs = checkInteger('RedisPool: recordTtlMs', options.recordTtlMs, RECORD_TTL_MS, 1);
    checkInstalled('RedisPool', PACKAGES.redis);
    super(redisAddress(settings), ttlMs, () => openRedis(settings, loggerFor(options.logger)));
    this.queue = settings.queue;
    this.prefix = prefixOf(settings.queue);
  }

  protected override checkSubmission({ id }: SubmitOptions): void {
    if (id !== undefined && String(Number.parseInt(id, 10)) === id)
      throw new RangeError(`submit: id: expected no whole number, nor 'NaN', which BullMQ refuses, got ${shown(id)}`);
  }
}

/** @internal */
export async function openRedis(settings: RedisSettings, logger: Logger): Promise<PoolEngine> {
  const { RedisEngine } = await import('./redis/engine.ts');
  return new RedisEngine(settings, (text) => logger.warn(text));
}
