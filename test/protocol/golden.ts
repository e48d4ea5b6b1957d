/** Files that pin what the code does. They are written only with UPDATE_GOLDEN=1, and then the difference is read. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** What the file of that name in this folder holds; with UPDATE_GOLDEN=1 it is made to hold the text. */
export function golden(name: string, text: string): string {
  const path = join(import.meta.dirname, name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return readFileSync(path, 'utf8');
}
