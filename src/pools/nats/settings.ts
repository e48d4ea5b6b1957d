/** What an address `nats://…` says. Pure. */
import type { ConnectionOptions } from '@nats-io/transport-node';
import { checkInteger, checkString, shown } from '../../common/check.ts';
import { loginOf, shownAddress } from '../../common/login.ts';

type NatsLogin = { readonly user: string; readonly pass: string } | { readonly token: string } | Readonly<Record<string, never>>;

export interface NatsSettings {
  /** What is dialled: `nats://host:port`, one or several of a cluster, without our own parameters, nor who we are. */
  readonly servers: readonly string[];
  /** Who we are, as NATS is told; nothing if nobody said. */
  readonly login: NatsLogin;
  /** What streams, buckets and subjects are called after. */
  readonly stream: string;
  /** How long a worker may be silent before its jobs are given to another. */
  readonly lockMs: number;
  /** How many servers keep each stream. */
  readonly replicas: number;
}

const STREAM = 'gristmill';
const RECONNECT_MS = 200;
const LOCK_MS = 10_000;
const MIN_LOCK_MS = 500;
const NAME = /^[\w-]{1,100}$/;
const PARAMETERS = ['stream', 'lockMs', 'replicas'];

type Given = { readonly [K in 'stream' | 'lockMs' | 'replicas']?: unknown };

/**
 * Reads `nats://[user:password@ or token@]host[:port][,nats://…][?stream=name&lockMs=10000&replicas=1]`.
 * @throws TypeError or RangeError that names what was expected and the value seen
 */
export function readNats(what: string, address: unknown, given: Given = {}): NatsSettings {
  const list = Array.isArray(address) ? (address as unknown[]) : checkString(what, address).split(/,(?=nats:\/\/)/u);
  const urls = list.map((one) => readServer(what, one));
  if (urls.length === 0) throw new RangeError(`${what}: expected at least one server, got an empty array`);
  const parameters = new Map(urls.flatMap((url) => [...url.searchParams]));
  for (const name of parameters.keys())
    if (!PARAMETERS.includes(name)) throw new TypeError(`${what}: unknown parameter '${name}'; known are ${PARAMETERS.join(', ')}`);
  const number = (name: 'lockMs' | 'replicas', fallback: number, min: number, max?: number): number => {
    const said = parameters.get(name);
    return checkInteger(`${what}: ${name}`, given[name] ?? (said === undefined ? undefined : Number(said)), fallback, min, max);
  };
  const stream = given.stream ?? parameters.get('stream') ?? STREAM;
  if (typeof stream !== 'string' || !NAME.test(stream))
    throw new RangeError(`${what}: stream: expected up to 100 of A-Z a-z 0-9 _ -, got ${shown(stream)}`);
  const logins = urls.map((url, at) => natsLogin(what, url, list[at] as string)).filter((login) => Object.keys(login).length > 0);
  const [login = {}] = logins;
  if (logins.some((other) => JSON.stringify(other) !== JSON.stringify(login)))
    throw new RangeError(`${what}: expected one user for all servers of a cluster`);
  const servers = urls.map((url) => {
    url.search = '';
    url.username = '';
    url.password = '';
    return url.href;
  });
  return {
    servers,
    login,
    stream,
    lockMs: number('lockMs', LOCK_MS, MIN_LOCK_MS),
    replicas: number('replicas', 1, 1, 5),
  };
}

function readServer(what: string, address: unknown): URL {
  const url = typeof address === 'string' && /^nats:\/\/./.test(address) && URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || url.hostname.includes(','))
    throw new TypeError(`${what}: expected 'nats://host:port', got ${shownAddress(address)}`);
  // Before anything of it is shown.
  loginOf(what, url);
  if (!/^\/?$/u.test(url.pathname) || url.hash !== '')
    throw new TypeError(`${what}: expected nothing between port and parameters, got '${url.pathname}${url.hash}'`);
  return url;
}

/** @param given the same address, which says whether there is a password: one that is empty is none to a URL */
function natsLogin(what: string, url: URL, given: string): NatsLogin {
  const [user, pass] = loginOf(what, url);
  if (/^nats:\/\/[^/?#]*:[^/?#]*@/u.test(given)) return { user, pass };
  return user === '' ? {} : { token: user };
}

/** How NATS is dialled, as its library wants it: it leaves out what a URL says before the host. */
export function dialling({ servers, login }: NatsSettings): ConnectionOptions {
  return {
    servers: [...servers],
    ...login,
    maxReconnectAttempts: -1,
    // Who refuses us may be mended.
    ignoreAuthErrorAbort: true,
    reconnectTimeWait: RECONNECT_MS,
  };
}

/** The address that says all of it: what a spawned worker dials. */
export function natsAddress({ servers, login, stream, lockMs, replicas }: NatsSettings): string {
  const parameters = new URLSearchParams();
  if (stream !== STREAM) parameters.set('stream', stream);
  if (lockMs !== LOCK_MS) parameters.set('lockMs', String(lockMs));
  if (replicas !== 1) parameters.set('replicas', String(replicas));
  const said = 'user' in login ? [login.user, login.pass] : 'token' in login ? [login.token] : [];
  const before = said.map(encodeURIComponent).join(':');
  const dialled = servers.map((server) => (before === '' ? server : server.replace('//', () => `//${before}@`)));
  return dialled.join(',') + (parameters.size > 0 ? `?${parameters.toString()}` : '');
}

/** What is called how on the server. */
export function namesOf(
  stream: string,
): Readonly<Record<'jobs' | 'nested' | 'cancel' | 'to' | 'open' | 'ended' | 'cache' | 'workers', string>> {
  return {
    jobs: `${stream}.jobs`,
    nested: `${stream}.nested`,
    cancel: `${stream}.cancel`,
    to: `${stream}.to`,
    open: `${stream}-open`,
    ended: `${stream}-ended`,
    cache: `${stream}-cache`,
    workers: `${stream}-workers`,
  };
}
