/** The pool that an address means. */
import { shownAddress } from '../common/login.ts';
import { ANYWHERE, engineOf } from '../transport/addresses.ts';
import { MasterPool } from './master_pool.ts';
import type { WorkerPool } from './pool.ts';

export interface OpenPoolOptions {
  /** How long a job's record stays after it has ended, in milliseconds. Default: an hour. */
  readonly recordTtlMs?: number | undefined;
}

/**
 * Opens the pool of an address: `tcp://` or `ipc://` a MasterPool, `redis://` a RedisPool, `nats://` a NatsPool.
 * Rejects with a TypeError or RangeError for a wrong address, with an Error that says what to install if a package is missing.
 */
export async function openPool<W = never>(address: string, options: OpenPoolOptions = {}): Promise<WorkerPool<W>> {
  switch (engineOf(address)) {
    case 'redis': {
      const { RedisPool } = await import('./redis.ts');
      return new RedisPool<W>({ ...options, url: address });
    }
    case 'nats': {
      const { NatsPool } = await import('./nats.ts');
      return new NatsPool<W>({ ...options, servers: address });
    }
    default:
      if (typeof address !== 'string' || !/^(tcp|ipc):/.test(address))
        throw new TypeError(`openPool: address: expected ${ANYWHERE}, got ${shownAddress(address)}`);
      return new MasterPool<W>({ ...options, address });
  }
}
