/** Jobs on NATS JetStream: `gristmill/pools/nats`. Its packages are loaded when it is first used. */
import { checkInteger, checkOptions } from '../common/check.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { PACKAGES } from './check.ts';
import { EnginePool, type PoolEngine } from './engine_pool.ts';
import { checkInstalled } from './installed.ts';
import { natsAddress, type NatsSettings, readNats } from './nats/settings.ts';
import { RECORD_TTL_MS, type SubmitOptions } from './record.ts';

export interface NatsPoolOptions {
  /** `nats://[user:password@]host[:port]`, one or several of a cluster. */
  readonly servers: string | readonly string[];
  /** What the stream is called, and buckets and subjects begin with. All its workers serve the same functions. Default: `gristmill`. */
  readonly stream?: string | undefined;
  /** How long a worker may be silent before its jobs run elsewhere, in milliseconds. Default: 10 s. */
  readonly lockMs?: number | undefined;
  /** How many servers of a cluster keep each stream and bucket. Default: 1. */
  readonly replicas?: number | undefined;
  /** How long a job's record stays after it has ended, in milliseconds. Default: an hour. */
  readonly recordTtlMs?: number | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
}

/** Jobs wait in JetStream, and outlive every process of ours. Workers are those of `new MyWorker({ name, address: 'nats://…' })`. */
export class NatsPool<W = never> extends EnginePool<W> {
  /** @throws TypeError or RangeError for a wrong option; Error that says what to install, if a package is missing */
  constructor(options: NatsPoolOptions) {
    checkOptions('NatsPool', options, ['servers', 'stream', 'lockMs', 'replicas', 'recordTtlMs', 'logger']);
    const settings = readNats('NatsPool: servers', options.servers, options);
    const ttlMs = checkInteger('NatsPool: recordTtlMs', options.recordTtlMs, RECORD_TTL_MS, 1);
    checkInstalled('NatsPool', PACKAGES.nats);
    super(natsAddress(settings), ttlMs, () => openNats(settings, ttlMs, loggerFor(options.logger)));
  }

  protected override checkSubmission({ priority }: SubmitOptions): void {
    if (priority !== undefined) throw new TypeError('submit: priority: NATS has no priorities, only RedisPool takes it');
  }
}

/** @internal */
export async function openNats(settings: NatsSettings, ttlMs: number, logger: Logger): Promise<PoolEngine> {
  const { NatsEngine } = await import('./nats/engine.ts');
  return new NatsEngine(settings, ttlMs, (text) => logger.warn(text));
}
