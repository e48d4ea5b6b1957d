/** What an address `redis://…` says. Pure. */
import { checkInteger, checkString, shown } from '../../common/check.ts';
import { loginOf, shownAddress } from '../../common/login.ts';

export interface RedisSettings {
  /** What is dialled: `redis://` or `rediss://`, without our own parameters. */
  readonly url: string;
  readonly queue: string;
  /** How long a worker may be silent before its jobs are given to another. */
  readonly lockMs: number;
}

const QUEUE = 'gristmill';
const LOCK_MS = 10_000;
const MIN_LOCK_MS = 500;
const NAME = /^[\w.-]{1,100}$/;

/**
 * Reads `redis://[user:password@]host[:port][/database][?queue=name&lockMs=10000]`.
 * @throws TypeError or RangeError that names what was expected and the value seen
 */
export function readRedis(
  what: string,
  address: unknown,
  given: { readonly queue?: unknown; readonly lockMs?: unknown } = {},
): RedisSettings {
  const text = checkString(what, address);
  if (!/^rediss?:\/\/./.test(text)) throw new TypeError(`${what}: expected 'redis://host:port', got ${shownAddress(address)}`);
  if (!URL.canParse(text)) throw new TypeError(`${what}: expected 'redis://host:port', got ${shownAddress(address)}`);
  const url = new URL(text);
  // ioredis decodes it, and would throw where nobody hears it.
  loginOf(what, url);
  if (url.hash !== '') throw new TypeError(`${what}: expected no '#', got '${url.hash}'`);
  const lock = url.searchParams.get('lockMs');
  const queue = given.queue ?? url.searchParams.get('queue') ?? QUEUE;
  for (const name of url.searchParams.keys())
    if (name !== 'queue' && name !== 'lockMs') throw new TypeError(`${what}: unknown parameter '${name}'; known are queue, lockMs`);
  url.search = '';
  if (!/^\/?\d*$/u.test(url.pathname)) throw new TypeError(`${what}: expected a number of a database, got '${url.pathname}'`);
  if (typeof queue !== 'string' || !NAME.test(queue))
    throw new RangeError(`${what}: queue: expected up to 100 of A-Z a-z 0-9 _ . -, got ${shown(queue)}`);
  const lockMs = checkInteger(`${what}: lockMs`, given.lockMs ?? (lock === null ? undefined : Number(lock)), LOCK_MS, MIN_LOCK_MS);
  return { url: url.href, queue, lockMs };
}

/** The address that says all of it: what a spawned worker dials. */
export function redisAddress({ url, queue, lockMs }: RedisSettings): string {
  const address = new URL(url);
  if (queue !== QUEUE) address.searchParams.set('queue', queue);
  if (lockMs !== LOCK_MS) address.searchParams.set('lockMs', String(lockMs));
  return address.href;
}

/** BullMQ's prefix: everything of a queue is in one slot of a Redis Cluster. */
export function prefixOf(queue: string): string {
  return `{${queue}}`;
}
