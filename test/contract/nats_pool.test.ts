import { join } from 'node:path';
import { Worker as Thread } from 'node:worker_threads';
import { connect, type Msg } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { describe, expect, it, onTestFinished } from 'vitest';
import { HeldJobs } from '../../src/pools/held.ts';
import { NatsPool } from '../../src/pools/nats.ts';
import { expectEach, jobs } from '../integration/helpers.ts';
import { Processes, ROOT } from '../integration/processes.ts';
import { type LossRig, poolLosses } from './losses.ts';
import { poolContract, WORKER } from './pool.ts';
import { have, natsServer } from './servers.ts';

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
