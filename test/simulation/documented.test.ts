/** The program in docs/simulator.md, run as it stands there. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');

it('the documented program runs, and finds nothing that must not happen', async () => {
  const text = await readFile(join(root, 'docs/simulator.md'), 'utf8');
  const [, program] = /<!-- example -->\s+```js\n([^]*?)```/.exec(text) ?? [];
  // Within the package, so that it finds itself by its name.
  const folder = await mkdtemp(join(root, 'dist/documented-'));
  try {
    await writeFile(join(folder, 'program.mjs'), program as string);
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, 'program.mjs')]);
    expect(stdout).toMatch(/^nothing happened that must not\n[\d.]+ s, 200 parts\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
