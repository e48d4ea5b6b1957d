/** The second half of the pools' contract: what holds when workers, producers or the engine itself are killed. */
import { describe, expect, it } from 'vitest';
import { Client, type WorkerHandle, type WorkerPool } from '../../src/index.ts';
import { collect, expectEach, jobs, texts } from '../integration/helpers.ts';
import { Processes } from '../integration/processes.ts';
import { linesOf, type PoolRig, recordWhen, temporaryFolder, WORKER } from './pool.ts';

export interface LossRig extends PoolRig {
  /** Kills the engine (-9). */
  kill(): Promise<void>;
  /** Starts another one in its place. */
  start(): Promise<void>;
}

/** A pool with workers, on an engine of its own. */
class Scene implements AsyncDisposable {
  readonly rig: LossRig;
  readonly pool: WorkerPool;
  readonly workers: WorkerHandle[] = [];
  readonly #clients: Client[] = [];

  constructor(rig: LossRig) {
    this.rig = rig;
    this.pool = rig.open();
  }

  async worker(): Promise<WorkerHandle> {
    const handle = await this.pool.spawnWorker(WORKER, { name: `worker${this.workers.length + 1}` });
    this.workers.push(handle);
    return handle;
  }

  client(): Client {
    const client = new Client({ address: this.rig.address, logger: false });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    for (const { pid } of this.workers) signal(pid, 'SIGKILL');
    await Promise.all(this.workers.map(({ exited }) => exited));
    await this.pool.close();
    await this.rig[Symbol.asyncDispose]();
  }
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    process.kill(pid as number, name);
  } catch {
    // It has ended.
  }
}

const LONG_MS = 60_000;

export function poolLosses(name: string, start: () => Promise<LossRig>): void {
  describe(`what ${name} keeps when something is killed`, { timeout: LONG_MS }, () => {
    it('a killed worker: its job runs elsewhere, and of a stream nothing is lost and nothing comes twice', async () => {
      await using scene = new Scene(await start());
      await scene.worker();
      await scene.worker();
      await scene.worker();
      const id = await scene.pool.submit('deadly', '1');
      const record = await scene.pool.ended(id);
      expect(record).toMatchObject({ status: 'done', attempts: 2 });
      expect(String(record.value)).toBe('attempt 2');
      const results: string[] = [];
      for await (const result of scene.pool.job('slow', jobs(60))) {
        results.push(String(result));
        if (results.length !== 10) continue;
        // One of them is gone already.
        for (const { pid } of scene.workers.slice(0, 2)) signal(pid, 'SIGKILL');
        await scene.worker();
      }
      expectEach(results, jobs(60));
    });

    it('a job that kills every worker fails after the third, and what follows runs', async () => {
      await using scene = new Scene(await start());
      for (let count = 0; count < 4; count += 1) await scene.worker();
      const id = await scene.pool.submit('deadly', '100');
      const { status, error, attempts } = await scene.pool.ended(id);
      expect({ status, attempts }).toEqual({ status: 'failed', attempts: 3 });
      expect(error).toMatchObject({ code: 'worker-lost', function: 'deadly' });
      const next = await scene.pool.ended(await scene.pool.submit('echo', 'what follows'));
      expect(String(next.value)).toBe('what follows');
    });

    it('a killed engine, in the middle of a stream: nothing is lost, and nothing comes twice', async () => {
      await using scene = new Scene(await start());
      await scene.worker();
      await scene.worker();
      const results: string[] = [];
      for await (const result of scene.pool.job('slow', jobs(200))) {
        results.push(String(result));
        if (results.length !== 40) continue;
        await scene.rig.kill();
        await scene.rig.start();
      }
      expectEach(results, jobs(200));
    });

    it('a killed engine: what was submitted is done', async () => {
      await using scene = new Scene(await start());
      const ids = await Promise.all(Array.from(jobs(20), (job) => scene.pool.submit('echo', job)));
      const large = await scene.pool.submit('echo', Buffer.alloc(2 ** 21, 7));
      await scene.rig.kill();
      await scene.rig.start();
      await scene.worker();
      const records = await Promise.all(ids.map(async (id) => await recordWhen(scene.pool, id, (seen) => seen?.status === 'done')));
      expect(records.map((record) => String(record?.value))).toEqual([...jobs(20)]);
      const record = await recordWhen(scene.pool, large, (seen) => seen?.status === 'done');
      expect(record?.value?.equals(Buffer.alloc(2 ** 21, 7))).toBe(true);
    });

    it('a killed engine: who waits for the end of jobs hears of it', async () => {
      await using scene = new Scene(await start());
      await scene.worker();
      const ids = await Promise.all(Array.from(jobs(100), (job) => scene.pool.submit('slow', job)));
      const ends = ids.map((id) => scene.pool.ended(id));
      const records = Promise.all(ends);
      records.catch(() => undefined);
      await Promise.any(ends);
      await scene.rig.kill();
      await scene.rig.start();
      expect((await records).map(({ status, value }) => `${status} ${String(value)}`)).toEqual(
        Array.from(jobs(100), (job) => `done ${job}`),
      );
    });

    it('a killed engine: another pool, too, hears of the end of jobs that had not begun', async () => {
      await using scene = new Scene(await start());
      await using other = scene.rig.open();
      const ids = await Promise.all(Array.from(jobs(50), (job) => scene.pool.submit('foo', job)));
      const records = Promise.all(ids.map((id) => other.ended(id)));
      records.catch(() => undefined);
      expect((await Promise.all(ids.map((id) => other.fetch(id)))).map((record) => record?.status)).toEqual(ids.map(() => 'queued'));
      await scene.rig.kill();
      await scene.rig.start();
      await scene.worker();
      expect((await records).map(({ value }) => String(value))).toEqual(Array.from(jobs(50), (job) => `worker1 processed ${job}`));
    });

    it('a killed producer: its jobs are done, and another one fetches them by their ids', async () => {
      await using scene = new Scene(await start());
      await using processes = new Processes(Infinity);
      const producer = processes.node('test/contract/fixtures/producer.mjs', [scene.rig.address, 'foo', 'a', 'b']);
      await producer.printed(/^submitted/);
      producer.kill('SIGKILL');
      await producer.ended;
      const ids = [...producer.out.matchAll(/^id (.+)$/gm)].map(([, id]) => id as string);
      expect(ids).toHaveLength(2);
      await scene.worker();
      const records = await Promise.all(ids.map((id) => scene.pool.ended(id)));
      expect(records.map(({ value }) => String(value))).toEqual(['worker1 processed a', 'worker1 processed b']);
    });

    it('jobs that took too long: who sent them has no more to do with them', async () => {
      await using scene = new Scene(await start());
      await scene.worker();
      const client = scene.client();
      const items = Array.from({ length: 5 }, () => ({ payload: 'late', timeoutMs: 1 }));
      const settled = await collect(client.job('slow', items, { settle: true }));
      expect(settled).toMatchObject(items.map(() => ({ status: 'rejected', reason: { code: 'timed-out', function: 'slow' } })));
      const running = async (): Promise<number[]> => {
        const workers = (await client.status())['workers'] as { running: number }[];
        return workers.map((worker) => worker.running);
      };
      await expect.poll(running).toEqual([0]);
    });

    it('a blocked event loop is no loss: the job runs once', async () => {
      await using scene = new Scene(await start());
      await using folder = await temporaryFolder();
      await scene.worker();
      await scene.worker();
      const record = await scene.pool.ended(await scene.pool.submit('block', `${folder.file('block')} 6000`));
      expect(String(record.value)).toBe('attempt 1');
      expect(record.attempts).toBe(1);
      expect(await linesOf(folder.file('block'), 1)).toEqual(['begun']);
    });

    it('a frozen worker: its job runs elsewhere, and what it says when it wakes changes nothing', async () => {
      await using scene = new Scene(await start());
      await using folder = await temporaryFolder();
      const frozen = await scene.worker();
      const id = await scene.pool.submit('marked', `${folder.file('frozen')} it 500`);
      await linesOf(folder.file('frozen'), 1);
      signal(frozen.pid, 'SIGSTOP');
      await scene.worker();
      expect(String((await scene.pool.ended(id)).value)).toBe('it 2');
      signal(frozen.pid, 'SIGCONT');
      expectEach(await texts(scene.pool.job('echo', jobs(20))), jobs(20));
      expect(await scene.pool.fetch(id)).toMatchObject({ status: 'done', attempts: 2 });
      expect(await linesOf(folder.file('frozen'), 2)).toEqual(['it', 'it']);
    });

    it('a worker that is told to stop ends what it has begun, and what it has not runs elsewhere, once', async () => {
      await using scene = new Scene(await start());
      await using folder = await temporaryFolder();
      const file = folder.file('stopped');
      const first = await scene.worker();
      const ids = await Promise.all(['a', 'b', 'c', 'd'].map((text) => scene.pool.submit('marked', `${file} ${text} 300`)));
      await linesOf(file, 1);
      const stopped = first.stop();
      await scene.worker();
      const records = await Promise.all(ids.map((id) => scene.pool.ended(id)));
      expect(await stopped).toBeUndefined();
      expect(await first.exited).toEqual({ code: 0, signal: null });
      expect(records.map(({ status }) => status)).toEqual(['done', 'done', 'done', 'done']);
      expectEach(await linesOf(file, 4), ['a', 'b', 'c', 'd']);
    });

    it('an engine that is gone keeps nobody from closing', async () => {
      await using scene = new Scene(await start());
      const worker = await scene.worker();
      expect(String((await scene.pool.ended(await scene.pool.submit('echo', 'x'))).value)).toBe('x');
      const client = new Client({ address: scene.rig.address, logger: false });
      expect(String(await client.call('echo', 'y'))).toBe('y');
      await scene.rig.kill();
      const other = scene.rig.open();
      const failing = Promise.allSettled([other.submit('echo', 'z'), client.call('echo', 'z'), scene.pool.submit('echo', 'z')]);
      await Promise.all([other.close(), client.close(), scene.pool.close(), worker.stop()]);
      expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      expect(await worker.exited).toMatchObject({ signal: null });
    });
  });
}
