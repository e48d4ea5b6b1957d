import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gristmill } from './command.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gristmill-syntax-'));
  await writeFile(join(folder, 'worker.mjs'), "import './part.mjs';\n");
  await writeFile(
    join(folder, 'reports.mjs'),
    "process.on('uncaughtException', () => undefined); setInterval(() => undefined, 1_000); await import('./part.mjs');\n",
  );
  await writeFile(join(folder, 'part.mjs'), 'export const one = 1;\nexport const two = 1 +;\n');
});

afterAll(() => rm(folder, { recursive: true }));

it.each([
  ['worker', 'worker.mjs', 'worker1', /^gristmill: worker1: .*worker\.mjs cannot be loaded:$/m],
  ['worker', 'reports.mjs', 'worker1', /^gristmill: worker1: .*reports\.mjs cannot be loaded:$/m],
  ['master', 'worker.mjs', '--name=master1', /SyntaxError/],
  ['master', 'reports.mjs', '--name=master1', /SyntaxError/],
])('gristmill %s says at which line of which file its module %s is wrong, once', async (verb, file, name, message) => {
  const { code, out, err } = await gristmill([verb, join(folder, file), name]);
  expect({ code, out }).toEqual({ code: 1, out: '' });
  expect(err).toMatch(message);
  expect(err).toMatch(/part\.mjs:2\n.*export const two = 1 \+;\n +\^\n\nSyntaxError: Unexpected token ';'/);
  expect(err.match(/Unexpected token/g)).toHaveLength(1);
  expect(err).not.toContain('crashed');
});
