/** The examples by the address of an engine: the same workers and clients, without a master. */
import { describe, expect, it } from 'vitest';
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
});
