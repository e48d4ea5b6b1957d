/** Programs of users: Server, spawnWorkers, signals, and that a program ends by itself when it has closed what it opened. */
import { describe, expect, it } from 'vitest';
import { Client, Master, Server, spawnWorkers, Worker } from '../../src/index.ts';
import { clientOf, collect, expectEach, jobs, keepsLines, texts } from './helpers.ts';
import { freeAddress } from './ports.ts';
import { Processes, type Running, startCluster, lives } from './processes.ts';

const FIXTURES = 'test/integration/fixtures';

class Fixture extends Worker {
  foo(message: Buffer): string {
    return `${this.name} processed ${message.toString()}`;
  }
}

class Serving extends Server {
  foo(message: Buffer): string {
    return `${this.name} processed ${message.toString()}`;
  }
}

describe('a server', () => {
  it('is master and worker in one process, and stops in order at a SIGTERM', async () => {
    await using processes = new Processes();
    const address = await freeAddress();
    const server = processes.node(`${FIXTURES}/server.mjs`, [address]);
    const client = processes.uses(new Client({ address, logger: false }));
    expect(String(await client.call('foo', 'x'))).toBe('server processed x');
    await client.set('value', 'key');
    expect(String(await client.call('cached', 'key'))).toBe('value');
    for (const name of ['start', 'stop', 'master', 'nobody'])
      await expect(client.call(name, '')).rejects.toMatchObject({ code: 'unknown-function' });
    const results: string[] = [];
    for await (const result of client.job('foo', jobs(5_000))) {
      results.push(result.toString());
      if (results.length === 100) server.kill('SIGTERM');
    }
    expectEach(
      results,
      [...jobs(5_000)].map((job) => `server processed ${job}`),
    );
    expect(await server.ended).toEqual({ code: 0, signal: null });
  });

  it('takes further workers', async () => {
    await using processes = new Processes();
    const address = await freeAddress();
    const server = processes.uses(new Serving({ name: 'server', address, logger: false }));
    await server.start();
    await processes.uses(new Fixture({ name: 'worker', address, logger: false })).start();
    const client = processes.uses(new Client({ address, logger: false }));
    const results = await texts(client.job('foo', jobs(2_000)));
    expect(new Set(results.map((text) => text.split(' ')[0]))).toEqual(new Set(['server', 'worker']));
    expect(server.master.status()).toMatchObject({ workers: [{ name: 'server' }, { name: 'worker' }] });
  });

  it('rejects start() where its address is in use, and holds nothing', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const server = new Serving({ name: 'server', address: cluster.address, logger: false });
    await expect(server.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await server.stop();
  });
});

/** The pids that the spawning fixture has told. */
function pids(running: Running): number[] {
  return [...running.out.matchAll(/^pid \S+ (\d+)$/gm)].map((match) => Number(match[1]));
}

describe('spawnWorkers', () => {
  it('starts so many processes of a module, which serve, and stops them in order', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const spawned = spawnWorkers(new URL('fixtures/worker.mjs', import.meta.url), {
      address: cluster.address,
      count: 3,
      name: 'spawned',
      logger: false,
    });
    cluster.uses(spawned);
    expect(spawned.workers.map(({ name }) => name)).toEqual(['spawned1', 'spawned2', 'spawned3']);
    await cluster.master.printed(/^workerJoined {"name":"spawned\d"/, 3);
    const results = await texts(clientOf(cluster).job('foo', jobs(3_000)));
    expect(new Set(results.map((text) => text.split(' ')[0]))).toEqual(new Set(['spawned1', 'spawned2', 'spawned3']));
    await spawned.stop();
    expect(await Promise.all(spawned.workers.map(({ exited }) => exited))).toEqual([1, 2, 3].map(() => ({ code: 0, signal: null })));
    await cluster.master.printed(/^workerLost {"name":"spawned\d","reason":"left"}/, 3);
  });

  it('says that a worker has ended by itself, and starts none again', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const logger = keepsLines();
    const spawned = cluster.uses(
      spawnWorkers(new URL('fixtures/worker.mjs', import.meta.url), { address: cluster.address, count: 2, logger }),
    );
    await cluster.master.printed(/^workerJoined/, 2);
    process.kill(spawned.workers[0]?.pid as number, 'SIGKILL');
    expect(await spawned.workers[0]?.exited).toEqual({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => logger.lines).toEqual(['worker1 has ended: SIGKILL']);
    expect(await texts(clientOf(cluster).job('myName', jobs(10)))).toEqual(Array.from({ length: 10 }, () => 'worker2'));
  });

  it('leaves no worker behind, whether its process ends in order or is killed', async () => {
    await using cluster = await startCluster({ workers: 0 });
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const spawning = cluster.node(`${FIXTURES}/spawning.mjs`, [cluster.address, '2']);
      const joined = cluster.master.count(/^workerJoined/);
      await cluster.master.printed(/^workerJoined/, joined + 2);
      await spawning.printed(/^pid/, 2);
      expect(pids(spawning).every(lives)).toBe(true);
      spawning.kill(signal);
      await spawning.ended;
      await cluster.master.printed(/^workerLost .*"left"/, signal === 'SIGTERM' ? 2 : 4);
      await expect.poll(() => pids(spawning).some(lives), { timeout: 5_000 }).toBe(false);
    }
  });
});

describe('signal handlers', () => {
  const counts = (): number[] =>
    (['SIGINT', 'SIGTERM', 'SIGHUP', 'exit', 'uncaughtException', 'unhandledRejection'] as const).map((name) =>
      process.listenerCount(name),
    );

  it('are installed only when asked for, and taken away at the stop', async () => {
    const before = counts();
    const asked = before.map((count, i) => (i < 2 ? count + 1 : count));
    for (const signals of [undefined, false, true]) {
      const options = signals === undefined ? {} : { signals };
      const master = new Master({ name: 'master', address: await freeAddress(), logger: false });
      await master.start(options);
      expect(counts(), `master ${signals}`).toEqual(signals === true ? asked : before);
      const worker = new Fixture({ name: 'worker', address: master.address, logger: false });
      await worker.start(options);
      // One handler serves all roles of a process.
      expect(counts(), `worker ${signals}`).toEqual(signals === true ? asked : before);
      const client = new Client({ address: master.address, logger: false });
      await client.call('foo', 'x');
      await client.close();
      await master.stop();
      expect(counts(), `worker ${signals}`).toEqual(signals === true ? asked : before);
      await worker.stop();
      expect(counts()).toEqual(before);
    }
    const server = new Serving({ name: 'server', address: await freeAddress(), logger: false });
    await server.start();
    expect(counts()).toEqual(before);
    await server.stop();
    expect(counts()).toEqual(before);
  });
});

describe('a program', () => {
  it('that closes its client ends by itself, at once', async () => {
    await using cluster = await startCluster();
    for (const what of ['call', 'job', 'silent']) {
      const client = cluster.node(`${FIXTURES}/client.mjs`, [what, cluster.address, 'foo', '10']);
      expect(await client.ended).toEqual({ code: 0, signal: null });
      expect(client.err).toBe('');
    }
  });

  it('with an open client stays, until that is closed', async () => {
    await using cluster = await startCluster();
    const client = cluster.node(`${FIXTURES}/client.mjs`, ['open', cluster.address, 'foo']);
    await client.printed(/^answer worker1 processed a message/);
    expect(await Promise.race([client.ended, cluster.master.printed(/^clientLeft/), clientOf(cluster).call('sleeps', '500')])).toEqual(
      Buffer.from('500'),
    );
    client.kill('SIGTERM');
    expect(await client.ended).toEqual({ code: 0, signal: null });
    expect(client.out).toMatch(/closed\n$/);
  });

  it('that closes its client while no master is there ends by itself', async () => {
    await using processes = new Processes();
    const client = processes.node(`${FIXTURES}/client.mjs`, ['handles-sigint', await freeAddress(), 'foo', '10']);
    await client.printed(/^waiting for a master/);
    client.kill('SIGINT');
    expect(await client.ended).toEqual({ code: 0, signal: null });
  });

  it('of master, worker and client that are all disposed of ends by itself', async () => {
    await using processes = new Processes();
    const program = processes.node(`${FIXTURES}/all_in_one.mjs`, [await freeAddress()]);
    expect(await program.ended).toEqual({ code: 0, signal: null });
    expect(program.out).toBe('worker processed a message\nclosed client\nclosed worker\nclosed master\n');
    expect(program.err).toBe('');
  });

  it('stops in order whatever is stopped first, and twice does no harm', async () => {
    const address = await freeAddress();
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ];
    for (const order of orders) {
      const master = new Master({ name: 'master', address, logger: false });
      await master.start();
      const worker = new Fixture({ name: 'worker', address, logger: false });
      await worker.start();
      const client = new Client({ address, logger: false });
      expect(await collect(client.job('foo', jobs(100)))).toHaveLength(100);
      const stops = [() => master.stop(), () => worker.stop(), () => client.close()];
      for (const which of order) await stops[which]?.();
      await Promise.all(stops.map((stop) => stop()));
    }
  });
});
