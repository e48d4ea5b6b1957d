/**
 * Scenarios as text. A line `name {…}` is something that happens (fields that stay out have defaults), the lines `→ name {…}` under it
 * are what comes of it, `#` begins a comment. `UPDATE_TRANSCRIPTS=1` writes what comes of it anew; then read the difference.
 */
import { readFileSync, writeFileSync } from 'node:fs';

export type Happening = { readonly type: string } & Record<string, unknown>;

/** Plays the scenario of a file: `play` answers what comes of each happening. Returns what is to be the same. */
export function playTranscript(file: URL, play: (what: Happening) => readonly object[]): { told: string; written: string } {
  const text = readFileSync(file, 'utf8');
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('→') || line.trim() === '') {
      if (!line.startsWith('→')) lines.push(line);
      continue;
    }
    lines.push(line);
    if (!line.startsWith('#')) lines.push(...play(parse(line)).map(shown));
  }
  const told = lines.join('\n');
  if (process.env['UPDATE_TRANSCRIPTS'] !== '1') return { told, written: text };
  writeFileSync(file, told);
  return { told, written: told };
}

function parse(line: string): Happening {
  const [, type, rest] = /^(\w+) *(.*)$/.exec(line) as unknown as [string, string, string];
  return { ...(rest === '' ? {} : (JSON.parse(rest) as object)), type };
}

function shown(thing: object): string {
  const { type, kind, ...rest } = thing as Record<string, unknown>;
  return `→ ${String(type ?? kind)} ${JSON.stringify(rest)}`;
}
