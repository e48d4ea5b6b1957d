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

/** The user and the password of an address. @throws TypeError if they are not percent-encoded */
export function loginOf(what: string, { username, password }: URL): readonly [user: string, password: string] {
  try {
    return [decodeURIComponent(username), decodeURIComponent(password)];
  } catch {
    throw new TypeError(`${what}: expected a user and a password that are percent-encoded`);
  }
}
