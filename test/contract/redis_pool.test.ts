import { Redis } from 'ioredis';
import { describe } from 'vitest';
import { RedisPool } from '../../src/pools/redis.ts';
import { type LossRig, poolLosses } from './losses.ts';
import { poolContract } from './pool.ts';
import { have, ServerProcess } from './servers.ts';

const here = have('redis-server', 'the contract of RedisPool', 'apt-get install redis-server');

async function start(): Promise<LossRig> {
  const server = await ServerProcess.start('redis-server', (port, folder) =>
    `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly yes`.split(' '),
  );
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
});
