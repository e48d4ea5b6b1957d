/** What addresses say of who dials: it stands in no message, nor in an error, which end in logs. Pure. */
import { shown } from './check.ts';

/** An address without user and password, whether or not it makes sense otherwise. (A path may have any characters.) */
export function withoutLogin(address: string): string {
  if (/^(ipc|memory):/u.test(address)) return address;
  return address
    .split(/,(?=[a-z]+:\/\/)/u)
    .map((one) => one.replace(/^([a-z][a-z0-9+.-]*:)?([/\\]*).*@/isu, '$1$2'))
    .join(',');
}

/** As `shown`, of what may be an address. */
export function shownAddress(value: unknown): string {
  return shown(typeof value === 'string' ? withoutLogin(value) : value);
}

/**
 * The user and the password of an address.
 * @throws TypeError if they are not percent-encoded: what is no letter, digit, `-`, `.`, `_` or `~` may have ended them too early
 */
export function loginOf(what: string, url: URL): readonly [user: string, password: string] {
  const { username, password, pathname, search, hash } = url;
  try {
    if (!`${pathname}${search}${hash}`.includes('@')) return [decodeURIComponent(username), decodeURIComponent(password)];
  } catch {
    // As below.
  }
  throw new TypeError(`${what}: expected a user and a password that are percent-encoded`);
}
