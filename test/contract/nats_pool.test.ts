import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { connect, type Msg } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { pack } from 'msgpackr';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeldJobs } from '../../src/pools/held.ts';
import { NatsPool } from '../../src/pools/nats.ts';
import { expectEach, jobs, keepsLines, texts } from '../integration/helpers.ts';
import { Processes, ROOT } from '../integration/processes.ts';
import { type LossRig, poolLosses } from './losses.ts';
import { poolContract, WORKER } from './pool.ts';
import { forbid, guardedNatsServer, have, natsServer } from './servers.ts';

const here = have('nats-server', 'the contract of NatsPool', 'apt-get install nats-server');

async function start(): Promise<LossRig> {
  const server = await natsServer();
  const address = `nats://127.0.0.1:${server.port}?lockMs=2000`;
  return {
    address,
    open: (options = {}) => new NatsPool({ ...options, servers: address, logger: false }),
    leftovers: async () => {
      const connection = await connect({ servers: `127.0.0.1:${server.port}` });
      const jsm = await jetstreamManager(connection);
      const found: string[] = [];
      for (const name of ['gristmill', 'KV_gristmill-open', 'KV_gristmill-cache']) {
        const { state } = await jsm.streams.info(name, { subjects_filter: '>' });
        found.push(...Object.keys(state.subjects ?? {}));
      }
      await connection.close();
      return found;
    },
    kill: () => server.kill(),
    start: () => server.start(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe.runIf(here)('with nats-server', () => {
  poolContract('NatsPool', start);
  poolLosses('NatsPool', start);

  it('counts a worker once, whenever that says that it is there', async () => {
    await using rig = await start();
    await using pool = rig.open();
    expect(await pool.workerCount()).toBe(0);
    const connection = await connect({ servers: rig.address.replace(/\?.*/, '') });
    const workers = await new Kvm(connection).open('gristmill-workers');
    const names = ['worker1', 'worker2'];
    const say = async (name: string): Promise<unknown> => await workers.put(name, Uint8Array.of(0));
    await Promise.all(names.map(say));
    const counted = new AbortController();
    const saying = names.map(async (name) => {
      while (!counted.signal.aborted) await say(name);
    });
    for (let i = 0; i < 100; i += 1) expect(await pool.workerCount()).toBe(2);
    counted.abort();
    await Promise.all(saying);
    await connection.close();
  });

  it('a thread that keeps locks renews what it is shown as it starts, not only when the next renewal is due', async () => {
    await using server = await natsServer();
    const connection = await connect({ servers: `127.0.0.1:${server.port}` });
    // Where the server is told that a job is still worked on.
    const renewals = connection.subscribe('told.of.a.job');
    await connection.flush();
    const settings = { servers: [`127.0.0.1:${server.port}`], stream: 'renewed', lockMs: 600_000, name: 'worker1' };
    const thread = new Thread(join(ROOT, 'dist/pools/nats/renewer_thread.js'), { workerData: settings });
    onTestFinished(async () => {
      await Promise.all([thread.terminate(), connection.close()]);
    });
    new HeldJobs((page) => thread.postMessage(page)).hold('a', 'told.of.a.job');
    const { value } = await renewals[Symbol.asyncIterator]().next();
    expect((value as Msg).string()).toBe('+WPI');
  });

  it('messages that are none of gristmill are removed and told of, and disturb nobody', async () => {
    await using rig = await start();
    await using pool = rig.open();
    await using processes = new Processes(Infinity);
    const worker = processes.node('test/contract/fixtures/pool_worker.mjs', ['worker1', rig.address]);
    const connection = await connect({ servers: rig.address.replace(/\?.*/, '') });
    const heard = connection.subscribe('gristmill.to.*', { max: 1 });
    expect(await pool.ended(await pool.submit('foo', 'first'))).toMatchObject({ status: 'done' });
    const { value: news } = await heard[Symbol.asyncIterator]().next();
    for (const [subject, bytes] of [
      ['gristmill.jobs', 'garbage'],
      ['gristmill.nested', Buffer.from([0x80])],
      ...[
        [{ id: 'a b' }, {}],
        [{ id: 'a'.repeat(5_000) }, {}],
        [{}, { to: 'a b' }],
        [{}, { to: undefined }],
        [{}, { large: 1 }],
      ].map(([job, queued]) => {
        const submission = { id: 'a', function: 'foo', payload: Buffer.alloc(1), options: {}, priority: 0, ttlMs: 1_000, ...job };
        return ['gristmill.jobs', pack({ job: pack(submission), large: false, to: 'nobody', streamed: false, ...queued })] as const;
      }),
      ['gristmill.cancel', Buffer.from([0xff, 0xff])],
      [(news as Msg).subject, 'garbage'],
      [(news as Msg).subject, Buffer.from([0xc0])],
    ] as const)
      connection.publish(subject, bytes);
    await worker.printed(/: a message of \d+ bytes in the stream gristmill is no job of gristmill, and was removed$/);
    expect(await pool.ended(await pool.submit('foo', 'second'))).toMatchObject({ status: 'done' });
    await expect.poll(() => rig.leftovers()).toEqual([]);
    await connection.close();
  });

  it('a server that forbids a subscription: that is said, and what was to be heard there is looked up', async () => {
    await using server = await guardedNatsServer();
    await forbid(server, 'secret', 'gristmill.to.>');
    const address = `nats://user:secret@127.0.0.1:${server.port}`;
    const logger = keepsLines();
    await using pool = new NatsPool({ servers: address, logger });
    await using _worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    expect(await pool.ended(await pool.submit('foo', 'a'))).toMatchObject({ status: 'done' });
    expect(await texts(pool.job('foo', ['b']))).toEqual(['worker1 processed b']);
    expect(logger.lines.filter((line) => line.includes('gristmill.to.'))).toHaveLength(1);
  });

  it('pools that come to a new server at once, each with another time for its records, make what they need there together', async () => {
    await using server = await natsServer();
    const pools = Array.from({ length: 30 }, (_, i) => {
      const servers = `nats://127.0.0.1:${server.port}?stream=s${i % 10}`;
      return new NatsPool({ servers, logger: false, recordTtlMs: 60_000 * (i + 1) });
    });
    expect(await Promise.all(pools.map((pool) => pool.workerCount()))).toEqual(pools.map(() => 0));
    await Promise.all(pools.map((pool) => pool.close()));
  });

  it('a producer that is frozen does not take its results: they are recorded, and it finds them when it wakes', async () => {
    await using rig = await start();
    await using pool = rig.open();
    await using _worker = await pool.spawnWorker(WORKER, { name: 'worker1' });
    await using processes = new Processes(Infinity);
    const client = processes.node('test/integration/fixtures/client.mjs', ['job', rig.address, 'slow', '100']);
    await client.printed(/^result/, 10);
    client.kill('SIGSTOP');
    const connection = await connect({ servers: rig.address.replace(/\?.*/, '') });
    const jsm = await jetstreamManager(connection);
    const recorded = async (): Promise<number> => (await jsm.streams.info('KV_gristmill-ended')).state.messages;
    await expect.poll(recorded, { timeout: 10_000 }).toBeGreaterThan(0);
    client.kill('SIGCONT');
    expect(await client.ended).toEqual({ code: 0, signal: null });
    expectEach(
      [...client.out.matchAll(/^result (.+)$/gm)].map(([, text]) => text as string),
      jobs(100),
    );
    await connection.close();
  });
});
