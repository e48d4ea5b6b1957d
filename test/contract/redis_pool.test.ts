import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { Queue, Worker as Taker } from 'bullmq';
import { Redis } from 'ioredis';
import { pack } from 'msgpackr';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeldJobs } from '../../src/pools/held.ts';
import { RedisPool } from '../../src/pools/redis.ts';
import { collect, expectEach, jobs, texts, thrownBy, untilError } from '../integration/helpers.ts';
import { type LossRig, poolLosses } from './losses.ts';
import { ROOT } from '../integration/processes.ts';
import { linesOf, poolContract, temporaryFolder, WORKER } from './pool.ts';
import { have, redisServer } from './servers.ts';

const here = have('redis-server', 'the contract of RedisPool', 'apt-get install redis-server');

async function start(): Promise<LossRig> {
  const server = await redisServer();
  const url = `redis://127.0.0.1:${server.port}?lockMs=2000`;
  const redis = new Redis(server.port, '127.0.0.1');
  redis.on('error', () => undefined);
  return {
    address: url,
    open: (options = {}) => new RedisPool({ ...options, url, logger: false }),
    leftovers: async () => (await redis.keys('*')).filter((key) => /:(?:payload|cache):/.test(key)),
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: async () => {
      redis.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

describe.runIf(here)('with redis-server', () => {
  poolContract('RedisPool', start);
  poolLosses('RedisPool', start);

  it('keeps priorities and rate limits, and its queue is one of BullMQ', async () => {
    await using rig = await start();
    await using folder = await temporaryFolder();
    const file = folder.file('order');
    const pool = new RedisPool({ url: rig.address, logger: false });
    const ids = [
      await pool.submit('marked', `${file} low`, { priority: 9 }),
      await pool.submit('marked', `${file} high`, { priority: 1 }),
      await pool.submit('marked', `${file} plain`),
    ];
    const connection = new Redis(rig.address.replace(/\?.*/, ''), { maxRetriesPerRequest: null });
    const queue = new Queue(pool.queue, { prefix: pool.prefix, connection });
    expect(await queue.getJobCounts('wait', 'prioritized')).toEqual({ wait: 1, prioritized: 2 });
    await queue.setGlobalRateLimit(1, 100);
    const worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    for (const id of ids) expect(await pool.ended(id)).toMatchObject({ status: 'done', attempts: 1 });
    expect(await linesOf(file, 3)).toEqual(['plain', 'high', 'low']);
    expect((await queue.getJobCounts('completed'))['completed']).toBe(3);
    await worker.stop();
    await pool.close();
    await queue.close();
    connection.disconnect();
  });

  it('a thread that keeps locks renews what it is shown as it starts, not only when the next renewal is due', async () => {
    await using server = await redisServer();
    const [queueName, lockMs] = ['renewed', 600_000];
    const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null };
    const queue = new Queue(queueName, { prefix: `{${queueName}}`, connection });
    const about = { prefix: `{${queueName}}`, connection, autorun: false, lockDuration: 20_000, skipLockRenewal: true };
    const taker = new Taker(queueName, undefined, about);
    await queue.add('job', {});
    const job = await taker.getNextJob('token');
    const redis = new Redis(server.port, '127.0.0.1');
    const lock = `{${queueName}}:${queueName}:${job?.id}:lock`;
    expect(await redis.pttl(lock)).toBeGreaterThan(0);
    const settings = { url: `redis://127.0.0.1:${server.port}`, queue: queueName, lockMs };
    // Its next renewal is due after 150 s.
    const thread = new Thread(join(ROOT, 'dist/pools/redis/renewer_thread.js'), { workerData: settings });
    onTestFinished(async () => {
      redis.disconnect();
      await Promise.all([thread.terminate(), taker.close(true), queue.close()]);
    });
    const held = new HeldJobs((page) => thread.postMessage(page));
    held.hold(job?.id as string, 'token');
    await expect.poll(() => redis.pttl(lock), { timeout: 15_000 }).toBeGreaterThan(20_000);
  });

  it('a job that is to be tried again is waited for as long as it has to wait, not for whole seconds', async () => {
    await using rig = await start();
    await using pool = rig.open();
    await using worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    const redis = new Redis(rig.address.replace(/\?.*/, ''));
    const monitor = await redis.monitor();
    const waits: number[] = [];
    monitor.on('monitor', (_at: string, [command, , seconds]: string[]) => {
      if (command?.toLowerCase() === 'bzpopmin') waits.push(Number(seconds));
    });
    const id = await pool.submit('flaky', '3', { retries: { attempts: 3, minMs: 300, factor: 1 } });
    expect(String((await pool.ended(id)).value)).toBe('attempt 3');
    expect(waits.filter((seconds) => seconds > 0 && seconds < 1).length).toBeGreaterThanOrEqual(2);
    monitor.disconnect();
    redis.disconnect();
    await worker.stop();
  });

  it('a Redis that refuses its database for a while: nobody goes on with another', async () => {
    await using server = await redisServer();
    const redis = new Redis(server.port, '127.0.0.1');
    await using pool = new RedisPool({ url: `redis://127.0.0.1:${server.port}/1`, lockMs: 1_000, logger: false });
    await using worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    expect(String((await pool.ended(await pool.submit('echo', 'before'))).value)).toBe('before');
    await redis.call('ACL', 'SETUSER', 'default', '-select');
    await redis.call('CLIENT', 'KILL', 'SKIPME', 'yes');
    const refused = async (): Promise<number> =>
      Number(/cmdstat_select:.*rejected_calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    await expect.poll(refused, { timeout: 10_000 }).toBeGreaterThan(20);
    await redis.call('ACL', 'SETUSER', 'default', '+select');
    expect(String((await pool.ended(await pool.submit('echo', 'after'))).value)).toBe('after');
    const others = async (): Promise<string[]> => {
      const lines = String(await redis.call('CLIENT', 'LIST'))
        .trim()
        .split('\n');
      return lines.filter((line) => !/ cmd=(?:client|NULL)/.test(line));
    };
    // Those of the pool and of its worker: for what is asked, for what is waited for, for news, and for locks.
    await expect.poll(async () => (await others()).length, { timeout: 10_000 }).toBeGreaterThanOrEqual(8);
    expect((await others()).filter((line) => !/ db=1 /.test(line))).toEqual([]);
    redis.disconnect();
    await worker.stop();
  });

  it('jobs that are none of gristmill fail once, and disturb nobody', async () => {
    await using rig = await start();
    const pool = new RedisPool({ url: rig.address, logger: false });
    const connection = new Redis(rig.address.replace(/\?.*/, ''), { maxRetriesPerRequest: null });
    const queue = new Queue(pool.queue, { prefix: pool.prefix, connection });
    const strangers = await queue.addBulk([
      { name: 'foo', data: { hello: 1 } },
      { name: 'foo', data: { job: 'garbage', bytes: 7, to: 'nobody' } },
      { name: 'foo', data: { job: pack({ id: 'a b' }).toString('base64'), bytes: 7, to: 'nobody' } },
      { name: 'foo', data: 'text' },
    ]);
    await using _worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    expect(await pool.ended(await pool.submit('foo', 'a'))).toMatchObject({ status: 'done' });
    const found = await Promise.all(strangers.map(({ id }) => queue.getJob(String(id))));
    for (const job of found) expect(job).toMatchObject({ failedReason: 'it is none of gristmill', attemptsStarted: 1 });
    await pool.close();
    await queue.close();
    connection.disconnect();
  });

  it('refuses an id that BullMQ would', async () => {
    await using rig = await start();
    await using pool = rig.open();
    for (const id of ['12', '-1', 'NaN'])
      await expect(pool.submit('echo', 'x', { id })).rejects.toThrow(
        new RangeError(`submit: id: expected no whole number, nor 'NaN', which BullMQ refuses, got "${id}"`),
      );
    expect(await pool.submit('echo', 'x', { id: '012' })).toBe('012');
  });

  it('a job whose fields leave no room for where it came from fails, and is not given back without end', async () => {
    await using rig = await start();
    await using pool = rig.open();
    await using worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    const note = 'x'.repeat(262_070);
    const { error } = await untilError(pool.job('context', [{ payload: '', fields: { note } }]));
    expect(error).toMatchObject({
      code: 'unsatisfiable',
      message: expect.stringMatching(/^context: fields: expected at most 262144 bytes/) as string,
    });
    const fields = { colour: 'red', note: note.slice(5_000) };
    const [context] = await texts(pool.job('context', [{ payload: '', fields }]));
    expect(JSON.parse(context ?? '')).toMatchObject({ colour: 'red' });
    await worker.stop();
  });

  it('a job with a payload that no worker can be sent fails, and is not given back without end', async () => {
    await using rig = await start();
    class Wide extends RedisPool {
      get engine(): ReturnType<RedisPool['keeper']> {
        return this.keeper();
      }
    }
    await using pool = new Wide({ url: rig.address, logger: false });
    await using worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    const job = { id: 'wide', function: 'echo', payload: Buffer.alloc(67_108_865), options: {}, priority: 0, ttlMs: 60_000 };
    const { status, error } = await pool.engine.carryOut(job, AbortSignal.timeout(60_000));
    const message = 'echo: expected a payload of at most 67108864 bytes, got 67108865';
    expect({ status, code: error?.code, message: error?.message }).toEqual({ status: 'failed', code: 'unsatisfiable', message });
    expect(String((await pool.ended(await pool.submit('echo', 'x'))).value)).toBe('x');
    await worker.stop();
  });

  it('a Redis that lost what it had when it was killed: a stream sends its jobs again', async () => {
    await using rig = await start();
    await using pool = rig.open();
    await using worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    const redis = new Redis(rig.address.replace(/\?.*/, ''));
    redis.on('error', () => undefined);
    await redis.config('SET', 'appendonly', 'no');
    const results: string[] = [];
    for await (const result of pool.job('slow', jobs(100))) {
      results.push(String(result));
      if (results.length !== 20) continue;
      await rig.kill();
      await rig.start();
    }
    expectEach(results, jobs(100));
    redis.disconnect();
    await worker.stop();
  });

  it('jobs of a stream that somebody took out of the queue have failed, and are not sent again', async () => {
    await using rig = await start();
    await using pool = new RedisPool({ url: rig.address, logger: false });
    const ended = untilError(pool.job('echo', ['a message']));
    const connection = new Redis(rig.address.replace(/\?.*/, ''), { maxRetriesPerRequest: null });
    const queue = new Queue(pool.queue, { prefix: pool.prefix, connection });
    await expect.poll(() => queue.count()).toBe(1);
    // A connection that broke is no loss.
    await connection.call('CLIENT', 'KILL', 'SKIPME', 'yes');
    await queue.drain();
    expect((await ended).error).toMatchObject({ code: 'function-threw', message: 'echo: the job is gone from Redis' });
    expect(await queue.count()).toBe(0);
    await queue.close();
    connection.disconnect();
  });

  it('a job of a stream that is given up while it is on its way is taken out again', async () => {
    await using rig = await start();
    await using pool = new RedisPool({ url: rig.address, logger: false });
    const connection = new Redis(rig.address.replace(/\?.*/, ''), { maxRetriesPerRequest: null });
    const queue = new Queue(pool.queue, { prefix: pool.prefix, connection });
    const added = async (): Promise<number> =>
      (await connection.xrange(`${pool.prefix}:${pool.queue}:events`, '-', '+')).filter(([, fields]) => fields.includes('added')).length;
    await pool.cancel(await pool.submit('echo', 'the first'));
    expect(await added()).toBe(1);
    expect(await queue.count()).toBe(0);
    // Redis takes nothing for a while. A large payload goes before its job: who gives up finds no job yet.
    await connection.call('CLIENT', 'PAUSE', '60000', 'WRITE');
    const abort = new AbortController();
    const given = thrownBy(collect(pool.job('echo', [Buffer.alloc(100_000)], { signal: abort.signal })));
    const isHeld = async (): Promise<boolean> => /cmd=set /.test(String(await connection.call('CLIENT', 'LIST')));
    await expect.poll(isHeld).toBe(true);
    abort.abort(new Error('enough'));
    expect(await given).toMatchObject({ message: 'enough' });
    await connection.call('CLIENT', 'UNPAUSE');
    await expect.poll(added).toBe(2);
    await expect.poll(() => queue.count()).toBe(0);
    await expect.poll(() => rig.leftovers()).toEqual([]);
    await queue.close();
    connection.disconnect();
  });

  it('a Redis without room for a record: the job runs again, and nothing is lost', async () => {
    await using rig = await start();
    await using folder = await temporaryFolder();
    const file = folder.file('full');
    await using pool = new RedisPool({ url: rig.address, logger: false });
    await using _worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    const redis = new Redis(rig.address.replace(/\?.*/, ''));
    const id = await pool.submit('marked', `${file} it 300`);
    await linesOf(file, 1);
    await redis.config('SET', 'maxmemory', '1');
    await expect.poll(() => redis.exists(`${pool.prefix}:${pool.queue}:${id}:lock`), { timeout: 5_000 }).toBe(0);
    expect(await pool.fetch(id)).toMatchObject({ status: 'running' });
    await redis.config('SET', 'maxmemory', '0');
    expect(await pool.ended(id)).toMatchObject({ status: 'done', attempts: 2 });
    redis.disconnect();
  });
});
