/** Values on their way between processes: JSON, as UTF-8. Pure. */
import { shown } from '../common/check.ts';

/** Writes a value; undefined becomes null. Throws a TypeError for what JSON cannot say. */
export function toJson(what: string, value: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value ?? null);
  } catch (error) {
    throw new TypeError(`${what}: expected a value that JSON can say: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  // Functions and symbols have no text.
  if (text === undefined) throw new TypeError(`${what}: expected a value that JSON can say, got ${shown(value)}`);
  return text;
}

/** Reads a value. Throws a TypeError for bytes that are no JSON. */
export function fromJson(what: string, bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new TypeError(`${what}: expected JSON, got ${shown(text)}`, { cause: error });
  }
}
