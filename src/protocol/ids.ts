/**
 * 64-bit numbers, which the machines know as 16 hexadecimal digits, and messages as two 32-bit words. Every message names the same few
 * (its master's life, its session's token): they are converted once, not with each message.
 */

interface Id {
  readonly text: string;
  /** Signed: V8 has no small integers of 32 bits without a sign. */
  readonly high: number;
  readonly low: number;
}

/** Whoever sends ever new ones takes the places of others. A power of two. */
const PLACES = 1_024;
const NONE: Id = { text: '', high: 0, low: 0 };
const byText: Id[] = Array.from({ length: PLACES }, () => NONE);
const byLow: Id[] = Array.from({ length: PLACES }, () => NONE);

export function idOf(text: string): Id {
  const place = placeOf(text);
  const known = byText[place] as Id;
  if (known.text === text) return known;
  return (byText[place] = { text, high: wordIn(text, 0), low: wordIn(text, 8) });
}

export function idFrom(high: number, low: number): string {
  const place = low & (PLACES - 1);
  const known = byLow[place] as Id;
  if (known.low === low && known.high === high && known !== NONE) return known.text;
  const text = lettersOf(high) + lettersOf(low);
  byLow[place] = { text, high, low };
  return text;
}

/** Its last letters, which are as good as any. */
function placeOf(text: string): number {
  const { length } = text;
  return (text.charCodeAt(length - 1) + 5 * text.charCodeAt(length - 2) + 97 * text.charCodeAt(length - 3)) & (PLACES - 1);
}

function wordIn(text: string, from: number): number {
  return Number.parseInt(text.slice(from, from + 8), 16) | 0;
}

function lettersOf(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}
