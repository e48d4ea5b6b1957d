/** The pool that docs/pools.md shows: 60 lines of a user's own engine, and what comes with them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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

it('is no longer than the docs say', async () => {
  const text = await readFile(join(ROOT, 'examples/own_pool/folder_pool.js'), 'utf8');
  expect(text.split('\n').length - 1).toBeLessThanOrEqual(65);
});
