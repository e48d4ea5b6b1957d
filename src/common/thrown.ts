/** What is told of something thrown. Users may throw anything: nothing here throws, whatever it is given. Pure. */
import { shown } from './check.ts';

export interface Told {
  readonly message: string;
  /** Empty where there is none. */
  readonly stack: string;
}

export function told(thrown: unknown): Told {
  try {
    if (!(thrown instanceof Error)) return { message: `threw ${shown(thrown)}`, stack: '' };
    // Users may have put anything there.
    const { message, name, stack } = thrown as { message: unknown; name: unknown; stack?: unknown };
    return { message: String(message) || String(name), stack: typeof stack === 'string' ? stack : '' };
  } catch {
    // Of a Proxy that was revoked nothing can be asked, not even whether it is an Error.
    return { message: 'threw something that cannot be looked at', stack: '' };
  }
}

/** As a line of a log tells it. */
export function lineOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return told(thrown).message;
  }
}

/** `instanceof`, for what users threw or gave. */
export function isA<T>(kind: abstract new (...args: never[]) => T, thrown: unknown): thrown is T {
  try {
    return thrown instanceof kind;
  } catch {
    return false;
  }
}
