/**
 * Short names in messages: of functions, clients, streams. Nearly every message names the same few, so their strings are made once: to make
 * one costs more than to look whether it is the one that stood here before.
 */

/** Longer ones are no names that come again and again. */
const SHORT = 64;
/** Whoever sends ever new ones takes the places of others. A power of two. */
const PLACES = 256;
const known: string[] = Array.from({ length: PLACES }, () => '');

/** The plain letters (ASCII) from `start` on as a string; undefined if there are others among them, or too many. */
export function nameIn(bytes: Buffer, start: number, length: number): string | undefined {
  if (length > SHORT) return undefined;
  let hash = length;
  for (let i = start; i < start + length; i += 1) {
    const code = bytes[i] as number;
    if (code > 0x7f) return undefined;
    hash = (hash * 31 + code) | 0;
  }
  const place = hash & (PLACES - 1);
  const name = known[place] as string;
  if (isAt(name, bytes, start, length)) return name;
  return (known[place] = bytes.toString('latin1', start, start + length));
}

function isAt(name: string, bytes: Buffer, start: number, length: number): boolean {
  if (name.length !== length) return false;
  for (let i = 0; i < length; i += 1) if (name.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
