/** The examples by the address of an engine: the same workers and clients, without a master. */
import { describe, expect, it } from 'vitest';
import { freePort } from '../integration/ports.ts';
import { Processes } from '../integration/processes.ts';
import { have, natsServer, redisServer, type ServerProcess } from './servers.ts';

const ENGINES = [
  { engine: 'redis', start: redisServer, here: have('redis-server', 'the examples on Redis', 'apt-get install redis-server') },
  { engine: 'nats', start: natsServer, here: have('nats-server', 'the examples on NATS', 'apt-get install nats-server') },
] as const;

const PRINTS = {
  standalone_parallel: Array<string>(10).fill('workerN processed a message'),
  cache: [' cached data ', ...Array<string>(10).fill('workerN cached data a message')],
};

const PIPELINES = [
  'queued',
  'done',
  'false',
  'done false: nobody asked for a worker',
  'queued: pipeline asked for a worker',
  'done true: request said no to workers',
];

describe.each(ENGINES)('the examples on $engine', ({ engine, start, here }) => {
  it.runIf(here).each(['standalone_parallel', 'cache'] as const)('%s prints what it should', async (name) => {
    await using server: ServerProcess = await start();
    await using processes = new Processes();
    const address = `${engine}://127.0.0.1:${server.port}`;
    const client = processes.node(`examples/${name}/client.js`, [address]);
    const workers = ['worker1', 'worker2'].map((worker) => processes.node(`examples/${name}/worker.js`, [worker, address]));
    expect(await client.ended).toEqual({ code: 0, signal: null });
    expect(
      client.out
        .replaceAll(/^worker[12]/gm, 'workerN')
        .split('\n')
        .slice(0, -1),
    ).toEqual(PRINTS[name]);
    await Promise.all(workers.map((worker) => worker.printed(/ is ready/)));
    for (const worker of workers) worker.kill('SIGTERM');
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual(workers.map(() => ({ code: 0, signal: null })));
  });

  it.runIf(here)('the pipelines answer what the document says', async () => {
    await using server: ServerProcess = await start();
    await using processes = new Processes();
    const [address, port] = [`${engine}://127.0.0.1:${server.port}`, String(await freePort())];
    const served = processes.node('examples/pipelines/server.js', [address, port]);
    await served.printed(/^pipelines are served at/);
    const client = processes.node('examples/pipelines/client.js', [`http://127.0.0.1:${port}`]);
    // It is taken before a worker is up.
    await client.printed(/^queued$/);
    const worker = processes.node('examples/pipelines/worker.js', ['worker1', address]);
    expect(await client.ended).toEqual({ code: 0, signal: null });
    expect(client.err).toBe('');
    expect(client.out.split('\n').slice(0, -1)).toEqual(PIPELINES);
    for (const running of [worker, served]) {
      running.kill('SIGTERM');
      expect(await running.ended).toEqual({ code: 0, signal: null });
    }
  });
});
