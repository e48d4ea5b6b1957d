/** The pool that docs/pools.md shows: 60 lines of a user's own engine, and what comes with them. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { FolderPool } from '../../examples/own_pool/folder_pool.js';
import { collect, expectEach, jobs, texts, untilError } from '../integration/helpers.ts';
import { ROOT } from '../integration/processes.ts';
import { temporaryFolder } from './pool.ts';

const FUNCTIONS = new URL('../../examples/own_pool/functions.js', import.meta.url);

it('an engine of one’s own in 60 lines: submitting, cancelling, errors, and streams that come with it', async () => {
  await using folder = await temporaryFolder();
  await using pool = new FolderPool(folder.file('engine'));
  const [id, other] = [await pool.submit('shout', 'first'), await pool.submit('shout', 'never')];
  expect(await pool.fetch(id)).toEqual({ id, status: 'queued', attempts: 0 });
  expect(await pool.cancel(other)).toBe(true);
  await using worker = await pool.spawnWorker(FUNCTIONS, { name: 'worker1' });
  expect(String((await pool.ended(id)).value)).toBe('FIRST');
  expect((await pool.ended(other)).status).toBe('failed');
  expect(await pool.workerCount()).toBe(1);
  expectEach(
    await texts(pool.job('shout', jobs(30))),
    Array.from(jobs(30), (job) => job.toUpperCase()),
  );
  expect(await texts(pool.job('shout', ['a', 'b', 'c'], { ordered: true }))).toEqual(['A', 'B', 'C']);
  expect((await untilError(pool.job('bad', ['it']))).error).toMatchObject({ code: 'function-threw', message: 'cannot do it' });
  const settled = await collect(pool.job('bad', ['x', { payload: 'y', function: 'shout' }], { settle: true }));
  expectEach(
    settled.map(({ status }) => status),
    ['rejected', 'fulfilled'],
  );
  await worker.stop();
  expect(await pool.workerCount()).toBe(0);
});

it('a job of a stream that is given up while an engine of one’s own takes it is cancelled when it is there', async () => {
  await using folder = await temporaryFolder();
  const abort = new AbortController();
  const cancelled: boolean[] = [];
  class Slow extends FolderPool {
    override async submit(...args: Parameters<FolderPool['submit']>): Promise<string> {
      abort.abort(new Error('enough'));
      // The first to look for it finds nothing yet.
      await expect.poll(() => cancelled).toEqual([false]);
      return await super.submit(...args);
    }

    override async cancel(id: string): Promise<boolean> {
      const was = await super.cancel(id);
      cancelled.push(was);
      return was;
    }
  }
  await using pool = new Slow(folder.file('engine'));
  await expect(collect(pool.job('shout', ['x'], { signal: abort.signal }))).rejects.toThrow('enough');
  await expect.poll(() => cancelled).toEqual([false, true]);
});

it('a pool that is closed while its first stream begins, or before, ends that, and keeps no process', async () => {
  await using folder = await temporaryFolder();
  const program = `
    import { FolderPool } from './examples/own_pool/folder_pool.js';
    const pool = new FolderPool(${JSON.stringify(folder.file('engine'))});
    const next = pool.job('shout', ['x']).next().catch((error) => error.code);
    await pool.close();
    const later = new FolderPool(${JSON.stringify(folder.file('engine'))});
    await later.close();
    console.log(await next, await later.job('shout', ['x']).next().catch((error) => error.code));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { cwd: ROOT });
  expect(stdout).toBe('closed closed\n');
});

it('is no longer than the docs say', async () => {
  const text = await readFile(join(ROOT, 'examples/own_pool/folder_pool.js'), 'utf8');
  expect(text.split('\n').length - 1).toBeLessThanOrEqual(65);
});
