// @ts-check
/** A worker of a FolderPool: `node worker.js MODULE NAME FOLDER` runs the functions that a module exports. */
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const [module = '', name = '', folder = ''] = process.argv.slice(2);
/** @type {Record<string, (payload: Buffer) => unknown>} */
const functions = await import(module);
const sign = join(folder, 'workers', name);
await writeFile(sign, '');
process.once('SIGTERM', () => void rm(sign).then(() => process.exit(0)));

for (;;) {
  for (const id of await readdir(join(folder, 'queued'))) {
    const running = join(folder, 'running', id);
    // Whoever moves it has it.
    if (await rename(join(folder, 'queued', id), running).catch(() => true)) continue;
    const job = await readFile(running);
    const end = job.indexOf('\n');
    let state = 'done';
    /** @type {unknown} */
    let result;
    try {
      result = await functions[job.toString('utf8', 0, end)]?.(job.subarray(end + 1));
    } catch (error) {
      state = 'failed';
      result = error instanceof Error ? error.message : error;
    }
    await writeFile(join(folder, 'new', id), result instanceof Uint8Array ? result : String(result));
    await rename(join(folder, 'new', id), join(folder, state, id));
    await rm(running);
  }
  await pause(5);
}
