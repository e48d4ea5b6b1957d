/** What can be said of an engine's address before anything is loaded. */
import { withoutLogin } from '../common/login.ts';
import type { Engine } from '../transport/addresses.ts';
import { checkInstalled } from './installed.ts';
import { readNats } from './nats/settings.ts';
import { readRedis } from './redis/settings.ts';

/** The packages that each engine needs. */
export const PACKAGES: Readonly<Record<Engine, readonly string[]>> = {
  redis: ['bullmq', 'ioredis'],
  nats: ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/kv'],
};

/** @throws TypeError or RangeError for a wrong address, Error that says what to install if a package is missing */
export function checkEngine(engine: Engine, address: string): void {
  if (engine === 'redis') readRedis('address', address);
  else readNats('address', address);
  checkInstalled(`'${withoutLogin(address)}'`, PACKAGES[engine]);
}
