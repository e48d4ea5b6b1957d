/** The contract of a worker pool: what every engine has to keep. Each engine's test file makes a rig and calls `poolContract`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobError, type JobRecord, type WorkerHandle, type WorkerPool } from '../../src/index.ts';
import { collect, expectEach, jobs, texts, thrownBy, untilError } from '../integration/helpers.ts';

export const WORKER: URL = new URL('fixtures/pool_worker.mjs', import.meta.url);

/** One engine, and what a test needs of it. */
export interface PoolRig extends AsyncDisposable {
  readonly address: string;
  /** A pool on this engine: another producer each time. */
  open(options?: { readonly recordTtlMs?: number }): WorkerPool;
  /** What the engine still holds of jobs. */
  leftovers(): Promise<string[]>;
}

/** Waits until a file has so many lines. */
export async function linesOf(file: string, count: number): Promise<string[]> {
  for (;;) {
    const lines = await readFile(file, 'utf8').then(
      (text) => text.split('\n').slice(0, -1),
      () => [],
    );
    if (lines.length >= count) return lines;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

/** Waits until a job's record is so. */
export async function recordWhen(
  pool: WorkerPool,
  id: string,
  is: (record: JobRecord | undefined) => boolean,
): Promise<JobRecord | undefined> {
  for (;;) {
    const record = await pool.fetch(id);
    if (is(record)) return record;
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
}

export async function temporaryFolder(): Promise<AsyncDisposable & { file(name: string): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'gristmill-pool-'));
  return { file: (name) => join(folder, name), [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** A source that has one payload, and never ends. */
async function* unended(): AsyncGenerator<string> {
  yield 'a message';
  await new Promise(() => undefined);
}

async function valueOf(pool: WorkerPool, fn: string, payload: string | Uint8Array): Promise<string> {
  return String((await pool.ended(await pool.submit(fn, payload))).value);
}

export function poolContract(name: string, start: () => Promise<PoolRig>): void {
  describe(`the contract of pools, kept by ${name}`, () => {
    let rig: PoolRig;
    let pool: WorkerPool;
    const workers: WorkerHandle[] = [];

    beforeAll(async () => {
      rig = await start();
      pool = rig.open();
    });

    afterAll(async () => {
      await Promise.all(workers.map((worker) => worker.stop()));
      await pool.close();
      await rig[Symbol.asyncDispose]();
    });

    it('takes jobs although no worker is up, and cancels one of them', async () => {
      expect(await pool.workerCount()).toBe(0);
      const first = await pool.submit('foo', 'the first');
      const second = await pool.submit('foo', 'the second', { id: 'second' });
      expect(await pool.fetch(first)).toEqual({ id: first, status: 'queued', attempts: 0 });
      expect(await pool.submit('foo', 'the second', { id: 'second' })).toBe('second');
      expect(await pool.cancel(second)).toBe(true);
      expect(await pool.cancel(second)).toBe(false);
      expect(await pool.fetch('no-such-job')).toBeUndefined();
      expect(await pool.cancel('no-such-job')).toBe(false);
      workers.push(await pool.spawnWorker(WORKER, { name: 'worker1' }));
      const record = await pool.ended(first);
      expect(record).toMatchObject({ id: first, status: 'done', attempts: 1 });
      expect(String(record.value)).toBe('worker1 processed the first');
      const cancelled = await pool.ended(second);
      expect(cancelled).toMatchObject({ status: 'failed', attempts: 0 });
      expect(cancelled.error).toMatchObject({ code: 'cancelled', function: 'foo' });
      expect(await pool.workerCount()).toBe(1);
    });

    it('keeps all results of a function that yields', async () => {
      const record = await pool.ended(await pool.submit('letters', 'abc'));
      expect(record.values?.map(String)).toEqual(['a', 'b', 'c']);
      expect(String(record.value)).toBe('a');
      const none = await pool.ended(await pool.submit('none', ''));
      expect(none).toMatchObject({ status: 'done', values: [] });
      expect(none.value).toBeUndefined();
    });

    it.each([0, 9, 10 * 2 ** 20])('carries a payload of %i bytes byte for byte, and nothing of it is left', async (bytes) => {
      const payload = Buffer.alloc(
        bytes,
        Uint8Array.from({ length: 251 }, (_, index) => (index * 7) % 256),
      );
      // A job that was told of goes a moment later.
      const nothingIsLeft = async (): Promise<void> => await expect.poll(() => rig.leftovers(), { timeout: 10_000 }).toEqual([]);
      await nothingIsLeft();
      // Long enough for a busy machine to fetch it.
      await using short = rig.open({ recordTtlMs: bytes > 1_024 ? 5_000 : 2_000 });
      const id = await short.submit('echo', payload);
      const record = await short.ended(id);
      expect(record.value?.equals(payload)).toBe(true);
      await recordWhen(short, id, (seen) => seen === undefined);
      const [streamed] = await collect(pool.job('echo', [payload]));
      expect(streamed?.equals(payload)).toBe(true);
      await nothingIsLeft();
    });

    it.each([9, 100_000])('copies what is submitted, %i bytes: they may be written to again, or transferred', async (bytes) => {
      const [written, transferred] = [new Uint8Array(bytes).fill(7), new Uint8Array(bytes).fill(8)];
      const ids = [pool.submit('echo', written), pool.submit('echo', transferred)];
      written.fill(0);
      structuredClone(transferred.buffer, { transfer: [transferred.buffer] });
      const records = await Promise.all(ids.map(async (id) => await pool.ended(await id)));
      expect(records.map(({ value }) => value)).toEqual([Buffer.alloc(bytes, 7), Buffer.alloc(bytes, 8)]);
    });

    it('tells errors with their remote stack', async () => {
      const { status, error, attempts } = await pool.ended(await pool.submit('bad', 'this'));
      expect({ status, attempts }).toEqual({ status: 'failed', attempts: 1 });
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({ code: 'function-threw', message: 'cannot do this', function: 'bad', worker: 'worker1', attempts: 1 });
      expect(error?.remoteStack).toMatch(/^Error: cannot do this\n +at PoolWorker\.bad .*pool_worker\.mjs:\d+/);
      const streamed = await untilError(pool.job('bad', ['that']));
      expect(streamed.error).toMatchObject({ code: 'function-threw', message: 'cannot do that', worker: 'worker1' });
      expect((streamed.error as JobError).remoteStack).toContain('pool_worker.mjs');
    });

    it('tries again as often as it was told', async () => {
      const id = await pool.submit('flaky', '3', { retries: { attempts: 2, minMs: 400 } });
      await recordWhen(pool, id, (record) => record?.status === 'deferred');
      const record = await pool.ended(id);
      expect(record).toMatchObject({ status: 'done', attempts: 3 });
      expect(String(record.value)).toBe('attempt 3');
      const failed = await pool.ended(await pool.submit('flaky', '3', { retries: { attempts: 1, minMs: 1 } }));
      expect(failed).toMatchObject({ status: 'failed', attempts: 2, error: { code: 'function-threw', message: 'attempt 2 fails' } });
      expect(await texts(pool.job('flaky', ['2'], { retries: { attempts: 1, minMs: 1 } }))).toEqual(['attempt 2']);
    });

    it('fails a job whose function no worker has, and one that takes too long', async () => {
      const unknown = await pool.ended(await pool.submit('constructor', ''));
      expect(unknown).toMatchObject({ status: 'failed', error: { code: 'unknown-function' } });
      expect(unknown.error?.message).toContain('foo');
      await using folder = await temporaryFolder();
      const late = await pool.ended(await pool.submit('hang', folder.file('late'), { timeoutMs: 50 }));
      expect(late).toMatchObject({ status: 'failed', error: { code: 'timed-out', function: 'hang' } });
      expect(await valueOf(pool, 'foo', 'what follows')).toBe('worker1 processed what follows');
    });

    it.each([0, 2 ** 20])('fails a job that never ends to yield results of %i bytes, and lets its generator go', async (bytes) => {
      await using folder = await temporaryFolder();
      const file = folder.file('endless');
      const endless = await pool.ended(await pool.submit('endless', `${file} ${bytes}`));
      expect(endless).toMatchObject({ status: 'failed', attempts: 1, error: { code: 'bad-result', function: 'endless' } });
      expect(await linesOf(file, 1)).toEqual(['let go']);
      expect(await valueOf(pool, 'foo', 'what follows')).toBe('worker1 processed what follows');
    });

    it('tells the function of a job that is cancelled while it runs', async () => {
      await using folder = await temporaryFolder();
      const id = await pool.submit('hang', folder.file('hang'));
      await linesOf(folder.file('hang'), 1);
      expect(await recordWhen(pool, id, (record) => record?.status === 'running')).toMatchObject({ attempts: 1 });
      const abort = new AbortController();
      const waiting = thrownBy(pool.ended(id, { signal: abort.signal }));
      abort.abort(new Error('enough'));
      expect(await waiting).toMatchObject({ message: 'enough' });
      expect(await thrownBy(pool.ended(id, { signal: abort.signal }))).toMatchObject({ message: 'enough' });
      expect(await pool.cancel(id)).toBe(true);
      expect(await linesOf(folder.file('hang'), 2)).toEqual(['begun', 'told']);
      expect(await pool.ended(id)).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
      expect(await valueOf(pool, 'foo', 'what follows')).toBe('worker1 processed what follows');
    });

    it('streams in order, with credit, settled or not, and cancels what is left', async () => {
      let pulled = 0;
      const endless = function* (): Generator<string> {
        for (;;) yield `${(pulled += 1)}`;
      };
      const some = pool.job('slow', endless(), { ordered: true, messages: 5 });
      expect(await texts(some)).toEqual(['1', '2', '3', '4', '5']);
      expect(pulled).toBeLessThan(20_000);
      expectEach(await texts(pool.job('echo', jobs(200))), jobs(200));
      const settled = await collect(
        pool.job(
          'bad',
          [
            { payload: 'it', key: 'k' },
            { payload: 'x', function: 'echo' },
          ],
          { settle: true },
        ),
      );
      expectEach(
        settled.map((one) => `${one.status} ${String(one.job.key)}`),
        ['rejected k', 'fulfilled undefined'],
      );
      await using folder = await temporaryFolder();
      const abort = new AbortController();
      const hanging = collect(pool.job('hang', [folder.file('hang')], { signal: abort.signal }));
      await linesOf(folder.file('hang'), 1);
      abort.abort(new Error('enough'));
      expect(await thrownBy(hanging)).toMatchObject({ message: 'enough' });
      expect(await linesOf(folder.file('hang'), 2)).toEqual(['begun', 'told']);
    });

    it('tells a function of its job, and lets it call others, with one slot in all', async () => {
      const [context] = await texts(pool.job('context', [{ payload: '', fields: { colour: 'red', origin: 'me' } }]));
      expect(JSON.parse(context ?? '')).toEqual({
        client: expect.any(String),
        index: 0,
        attempt: 1,
        name: 'context',
        colour: 'red',
        origin: 'me',
      });
      expect(await valueOf(pool, 'nested', '4')).toBe('4 3 2 1 0');
      expect(await valueOf(pool, 'parts', 'abcdef')).toBe('abcdef');
    });

    it('refuses wrong arguments, and goes on', async () => {
      const greedy = await untilError(pool.job('foo', ['x'], { resources: { cores: 1 } }));
      const reason = expect.stringMatching(/^foo: .*grain\(\)( does)?$/) as string;
      expect(greedy.error).toMatchObject({ code: 'unsatisfiable', function: 'foo', worker: undefined, message: reason });
      expect(await thrownBy(pool.submit('', 'x'))).toBeInstanceOf(RangeError);
      expect(await thrownBy(pool.submit('foo', 5 as unknown as string))).toBeInstanceOf(TypeError);
      await expect(pool.submit('foo', 'x', null as unknown as object)).rejects.toThrow(/^submit: expected an object of options, got null$/);
      const large = Buffer.alloc(67_108_865);
      await expect(pool.submit('foo', large)).rejects.toThrow(/^submit: payload: expected at most 67108864 bytes, got 67108865$/);
      await expect(pool.ended('a b')).rejects.toThrow(/^ended: id: expected/);
      expect(await thrownBy(pool.submit('foo', 'x', { id: 'a b' }))).toBeInstanceOf(RangeError);
      expect(await thrownBy(pool.submit('foo', 'x', { colour: 'red' } as object))).toBeInstanceOf(TypeError);
      expect(await thrownBy(pool.submit('foo', 'x', { fields: { a: 'a'.repeat(258_000) } }))).toBeInstanceOf(RangeError);
      expect(await thrownBy(pool.fetch(''))).toBeInstanceOf(RangeError);
      expect(await thrownBy(pool.ended('no-such-job'))).toBeInstanceOf(RangeError);
      expect(await thrownBy(pool.ended('no-such-job', { signal: 5 as unknown as AbortSignal }))).toBeInstanceOf(TypeError);
      expect(await valueOf(pool, 'foo', 'x')).toBe('worker1 processed x');
    });

    it('keeps records as long as it was told, and tells them to any producer', async () => {
      await using short = rig.open({ recordTtlMs: 1_000 });
      const [passing, lasting] = [await short.submit('foo', 'a'), await pool.submit('foo', 'b')];
      await Promise.all([short.ended(passing), pool.ended(lasting)]);
      expect(String((await short.fetch(lasting))?.value)).toBe('worker1 processed b');
      await recordWhen(pool, passing, (record) => record === undefined);
      expect(await pool.fetch(lasting)).toMatchObject({ status: 'done' });
    });

    it('closes at once, whatever is under way', async () => {
      const other = rig.open();
      await using folder = await temporaryFolder();
      const id = await other.submit('hang', folder.file('hang'));
      const waiting = thrownBy(other.ended(id));
      const stream = thrownBy(collect(other.job('foo', unended())));
      await linesOf(folder.file('hang'), 1);
      await other.close();
      expect(await stream).toMatchObject({ name: 'ClosedError', code: 'closed' });
      expect(await waiting).toBeInstanceOf(Error);
      expect(await pool.cancel(id)).toBe(true);
      await other.close();
      expect(await thrownBy(other.submit('foo', 'x'))).toMatchObject({ name: 'ClosedError', code: 'closed' });
      expect(await thrownBy(collect(other.job('foo', ['x'])))).toMatchObject({ name: 'ClosedError', code: 'closed' });
    });

    it('cancels what runs for its streams when it closes', async () => {
      const other = rig.open();
      await using folder = await temporaryFolder();
      const stream = thrownBy(collect(other.job('hang', [folder.file('hang')])));
      await linesOf(folder.file('hang'), 1);
      await other.close();
      expect(await stream).toMatchObject({ name: 'ClosedError', code: 'closed' });
      expect(await linesOf(folder.file('hang'), 2)).toEqual(['begun', 'told']);
    });

    it('says so of a stream that is its first, when it is closed', async () => {
      const other = rig.open();
      await other.close();
      expect(await thrownBy(collect(other.job('foo', ['x'])))).toMatchObject({ name: 'ClosedError', code: 'closed' });
    });

    it('closes while its first stream begins', async () => {
      const other = rig.open();
      const stream = thrownBy(collect(other.job('foo', unended())));
      await other.close();
      expect(await stream).toMatchObject({ code: 'closed' });
    });
  });
}
