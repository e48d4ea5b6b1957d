/** Reading and deriving addresses. */
import { shown } from '../common/check.ts';
import { shownAddress, withoutLogin } from '../common/login.ts';

/** Schemes of engines that carry jobs in place of a master. */
const ENGINES: Readonly<Record<string, Engine>> = { 'redis:': 'redis', 'rediss:': 'redis', 'nats:': 'nats' };
export type Engine = 'redis' | 'nats';

/** Which engine an address means, if any. */
export function engineOf(address: unknown): Engine | undefined {
  const scheme = typeof address === 'string' ? /^([a-z]+:)\/\/./.exec(address)?.[1] : undefined;
  return scheme !== undefined && Object.hasOwn(ENGINES, scheme) ? ENGINES[scheme] : undefined;
}

/** Who answers at addresses. */
export function answererOf([first]: readonly string[]): 'master' | 'Redis' | 'NATS' {
  const engine = engineOf(first);
  if (engine === undefined) return 'master';
  return engine === 'redis' ? 'Redis' : 'NATS';
}

/**
 * Who is met at addresses, for people to read: a master, with what is wrong there, or an engine, of whose address only the hosts are told. (What
 * is wrong with an engine has been said.)
 */
export function whoIsAt(addresses: readonly string[], trouble?: string): string {
  const [first = ''] = addresses;
  const answerer = answererOf(addresses);
  if (answerer === 'master') return `a master at ${addresses.join(' or ')}${trouble === undefined ? '' : `: ${trouble}`}`;
  const hosts = withoutLogin(first)
    .split(',')
    .map((one) => (URL.canParse(one) ? new URL(one).host : one));
  return `${answerer} at ${hosts.join(' or ')}`;
}

const MASTERS = "'tcp://host:port' or 'ipc://path'";
/** What clients and workers dial. */
export const ANYWHERE = "'tcp://host:port', 'ipc://path', 'redis://host:port' or 'nats://host:port'";

/** Takes `tcp://host:port` or `ipc://path` apart; throws a TypeError that says what was expected. */
export function parseAddress(
  address: unknown,
  option = 'address',
  expected = MASTERS,
): { scheme: 'tcp' | 'ipc' | 'memory'; host: string; port: number | '*' } {
  if (typeof address !== 'string')
    throw new TypeError(`${option}: expected a string such as 'tcp://127.0.0.1:5555', got ${shownAddress(address)}`);
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/\s@]+):(\d{1,5}|\*)$/.exec(address);
  if (tcp) {
    const port = tcp[2] === '*' ? '*' : Number(tcp[2]);
    if (port !== '*' && port > 65_535) throw new RangeError(`${option}: expected a port up to 65535, got '${withoutLogin(address)}'`);
    return { scheme: 'tcp', host: tcp[1] as string, port };
  }
  const local = /^(ipc|memory):\/\/(.+)$/.exec(address);
  if (local) return { scheme: local[1] as 'ipc' | 'memory', host: local[2] as string, port: '*' };
  const login =
    address.startsWith('tcp:') && withoutLogin(address) !== address ? ' without user and password, which no master asks for' : '';
  throw new TypeError(`${option}: expected ${expected}${login}, got '${withoutLogin(address)}'`);
}

/** Whether a peer on another machine could reach this address. */
export function isLoopback(address: string): boolean {
  const { scheme, host } = parseAddress(address);
  return scheme !== 'tcp' || host === 'localhost' || host === '[::1]' || host.startsWith('127.');
}

/** A free neighbour of a bound address: the same host with a port of the system's choice, or the ipc path with a suffix. */
export function neighbour(address: string, suffix: string): string {
  const { scheme, host } = parseAddress(address);
  return scheme === 'tcp' ? `tcp://${host}:*` : `${scheme}://${host}.${suffix}`;
}

/**
 * The address at which a peer dials a neighbour: the host by which it reached the master, with the port that the master named.
 * For ipc and memory the welcome carries the suffix instead of a port; an address of the user's own choice it carries whole.
 */
export function dialled(address: string, where: string): string {
  if (where.includes('://')) return where;
  const { scheme, host } = parseAddress(address);
  return scheme === 'tcp' ? `tcp://${host}:${where}` : `${scheme}://${host}.${where}`;
}

/** The system takes some 107 bytes, of which the sockets beside the first one (`ipc://path.push`) need some more. */
function checkPath(option: string, scheme: string, path: string): void {
  const bytes = Buffer.byteLength(path);
  if (scheme === 'ipc' && bytes > 100)
    throw new RangeError(`${option}: expected a path of at most 100 bytes, got ${bytes}: ${shown(path)}`);
}

/**
 * Where a peer may dial: one address, or several in the order in which they are tried.
 * @throws TypeError or RangeError that names the option, what was expected and the value seen
 */
export function dialAddresses(option: string, value: unknown): readonly [string, ...string[]] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 1 && engineOf(list[0]) !== undefined) return list as [string];
  if (list.length === 0) throw new RangeError(`${option}: expected at least one address, got an empty array`);
  const expected = list.length === 1 ? ANYWHERE : `masters' addresses in a list, ${MASTERS}`;
  for (const address of list) {
    const { scheme, host, port } = parseAddress(address, option, expected);
    if (scheme === 'tcp' && (port === '*' || port === 0))
      throw new RangeError(`${option}: expected a port to dial, got '${withoutLogin(String(address))}'`);
    if (scheme === 'tcp' && host === '*') throw new RangeError(`${option}: expected a host to dial, got '${String(address)}'`);
    checkPath(option, scheme, host);
  }
  return list as unknown as readonly [string, ...string[]];
}

/**
 * Where a socket may be bound: a loopback address, unless it is to be reached by other machines.
 * @throws TypeError or RangeError that names the option, what was expected and the value seen
 */
export function listenAddress(option: string, value: unknown, insecure: boolean): string {
  const { scheme, host } = parseAddress(value, option);
  checkPath(option, scheme, host);
  const address = value as string;
  if (insecure || isLoopback(address)) return address;
  throw new RangeError(
    `${option}: other machines could reach '${address}' and nothing would be encrypted; bind a loopback address, or say insecure: true`,
  );
}
