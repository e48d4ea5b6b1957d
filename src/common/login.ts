/** What addresses say of who dials: it stands in no message, nor in an error, which end in logs. */
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
