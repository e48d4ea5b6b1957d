// @ts-check
// A specialized worker: it brings a Redis server of its own, and the head talks to it with a Redis client.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { defineSpecializedWorker } from 'gristmill';

export default defineSpecializedWorker({
  async *run() {
    const folder = await mkdtemp(join(tmpdir(), 'redis-'));
    const socket = join(folder, 'socket');
    const server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder]);
    const said = once(server, 'error').then(([error]) => Promise.reject(error));
    await Promise.race([said, ready(server)]);
    yield { name: `redis-${server.pid}`, socket };
    server.kill();
    await once(server, 'exit');
    await rm(folder, { recursive: true });
  },

  async *context({ socket }) {
    const redis = new Redis(socket);
    yield redis;
    await redis.quit();
  },
});

async function ready(server) {
  for await (const text of server.stdout) if (String(text).includes('ready to accept connections')) return server.stdout.resume();
  throw new Error('redis-server ended');
}
