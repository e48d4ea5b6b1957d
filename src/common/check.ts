/**
 * Checks of what users pass in. Each throws a TypeError (wrong kind) or a RangeError (right kind, wrong value) that names the
 * option, what was expected and the value seen.
 */
import { bytesOf, saysOfItself, viewOf } from './bytes_of.ts';

/** A value as it stands in an error message: short, and of its own kind. Never throws. */
export function shown(value: unknown): string {
  try {
    return described(value);
  } catch {
    // A Proxy that was revoked, a getter that throws.
    return 'something that cannot be looked at';
  }
}

function described(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (ArrayBuffer.isView(value) && value instanceof Uint8Array && bytesOf(value) === undefined)
    return `a Uint8Array ${saysOfItself(value) ? 'that has a length, or another such part, of its own' : 'whose memory is gone'}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (value !== null && typeof value === 'object') return `an object of class ${value.constructor?.name ?? 'null'}`;
  return String(value);
}

/** Refuses options that are no object, and names that are not known: a misspelt option would otherwise do nothing in silence. */
export function checkOptions(what: string, options: unknown, known: readonly string[]): void {
  if (options === null || typeof options !== 'object' || Array.isArray(options))
    throw new TypeError(`${what}: expected an object of options, got ${shown(options)}`);
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new TypeError(`${what}: unknown option '${name}'; known are ${known.join(', ')}`);
  }
}

export function checkString(option: string, value: unknown): string {
  if (typeof value !== 'string') throw new TypeError(`${option}: expected a string, got ${shown(value)}`);
  if (value === '') throw new RangeError(`${option}: expected a string that is not empty, got ''`);
  if (Buffer.byteLength(value) > 1024) throw new RangeError(`${option}: expected at most 1024 bytes, got ${Buffer.byteLength(value)}`);
  return value;
}

/** A whole number between bounds; `fallback` where it is undefined. */
export function checkInteger(option: string, value: unknown, fallback: number, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
  if (value === undefined) return fallback;
  if (typeof value !== 'number' || Number.isNaN(value))
    throw new TypeError(`${option}: expected a whole number from ${min} to ${max}, got ${shown(value)}`);
  if (!Number.isInteger(value) || value < min || value > max)
    throw new RangeError(`${option}: expected a whole number from ${min} to ${max}, got ${value}`);
  return value;
}

export function checkBoolean(option: string, value: unknown, fallback: boolean): boolean {
  if (value === undefined) return fallback;
  if (typeof value !== 'boolean') throw new TypeError(`${option}: expected true or false, got ${shown(value)}`);
  return value;
}

export function checkSignal(option: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  if (!(value instanceof AbortSignal)) throw new TypeError(`${option}: expected an AbortSignal, got ${shown(value)}`);
  return value;
}

/** Bytes as a Buffer without copying; text as UTF-8. Anything else is a TypeError. */
export function toBytes(what: string, value: unknown): Buffer {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  const bytes = bytesOf(value);
  if (bytes !== undefined) return viewOf(bytes);
  throw new TypeError(`${what}: expected a Uint8Array or a string, got ${shown(value)}`);
}
