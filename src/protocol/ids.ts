/**
 * 64-bit numbers, which the machines know as 16 hexadecimal digits, and messages as two 32-bit numbers. Every message names the same few
 * (its master's life, its session's token): they are converted once, not with each message.
 */

interface Id {
  readonly text: string;
  readonly high: number;
  readonly low: number;
}

/** Whoever sends ever new ones cannot fill the memory. */
const MOST = 1_024;
const byText = new Map<string, Id>();
const byHigh = new Map<number, Id>();

export function idOf(text: string): Id {
  return byText.get(text) ?? remembered(text, Number.parseInt(text.slice(0, 8), 16), Number.parseInt(text.slice(8), 16));
}

export function idFrom(high: number, low: number): string {
  const known = byHigh.get(high);
  if (known?.low === low) return known.text;
  return remembered(high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0'), high, low).text;
}

function remembered(text: string, high: number, low: number): Id {
  if (byText.size >= MOST) {
    byText.clear();
    byHigh.clear();
  }
  const id = { text, high, low };
  byText.set(text, id);
  byHigh.set(high, id);
  return id;
}
