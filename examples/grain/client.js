// @ts-check
// node client.js [FOLDER [OUT]] [ADDRESS]: compresses every file of FOLDER (default: this example's) with several programs at once, one to
// four cores each by its size, and keeps the best of each file in OUT (default: a new folder).
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCombine, waitgroup } from 'gristmill/combine';

const PROGRAMS = { gzip: '.gz', bzip2: '.bz2', xz: '.xz' };
const FILES_AT_A_TIME = 8;

const args = process.argv.slice(2);
const address = (args.at(-1)?.includes('://') ? args.pop() : undefined) ?? 'tcp://127.0.0.1:5555';
const folder = args[0] ?? fileURLToPath(new URL('.', import.meta.url));
const out = args[1] ?? (await mkdtemp(join(tmpdir(), 'compressed-')));

const coresFor = (bytes) => Math.min(4, 1 + Math.floor(Math.log2(1 + bytes / 4_096) / 2));

/** All programs at once, then the best of what they made. */
async function keepBest(name) {
  const bytes = await readFile(join(folder, name));
  const cores = coresFor(bytes.length);
  const programs = Object.keys(PROGRAMS);
  const results = await waitgroup((wg) => {
    for (const program of programs) wg.submit({ cores }, program, bytes);
  });
  const made = results.flatMap((result, i) => {
    if (result.length === 0) return []; // there is no such program
    const end = result.indexOf('\n');
    return [{ program: programs[i], cores: result.subarray(0, end).toString(), bytes: result.subarray(end + 1) }];
  });
  const [best] = made.sort((a, b) => a.bytes.length - b.bytes.length);
  if (best === undefined) throw new Error('none of gzip, bzip2 and xz is there');
  await writeFile(join(out, `${name}${PROGRAMS[best.program]}`), best.bytes);
  const tried = made.map(({ program, cores: got }) => `${program} on ${got}`).join(', ');
  console.log(`${name}: ${bytes.length} -> ${best.bytes.length} with ${best.program} (cores: ${tried})`);
}

async function main() {
  const entries = await readdir(folder, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  for (let at = 0; at < files.length; at += FILES_AT_A_TIME) {
    await waitgroup((wg) => {
      for (const name of files.slice(at, at + FILES_AT_A_TIME)) wg.startSubtask(() => keepBest(name));
    });
  }
  console.log(`kept in ${out}`);
}

await runCombine(main, { address });
