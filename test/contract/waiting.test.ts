/** What is said while no engine is there. */
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import { freePort } from '../integration/ports.ts';
import { have, ServerProcess } from './servers.ts';

it.each([
  ['redis', 'Redis'],
  ['nats', 'NATS'],
])('a client of %s says that it waits for %s, and nothing of a password', async (scheme, name) => {
  const port = await freePort();
  let heard: (line: string) => void = () => undefined;
  const waiting = new Promise<string>((resolve) => {
    heard = (line) => line.startsWith('waiting') && resolve(line);
  });
  const logger = { info: heard, warn: (line: string) => heard(line), error: heard };
  await using client = new Client({ address: `${scheme}://user:secret@127.0.0.1:${port}`, logger });
  const status = client.status().catch((error: unknown) => error);
  expect(await waiting).toBe(`waiting for ${name} at 127.0.0.1:${port}`);
  await client.close();
  expect(await status).toBeInstanceOf(Error);
});

it.runIf(have('redis-server', 'a Redis that refuses', 'apt-get install redis-server'))(
  'a client of a Redis that refuses waits, and goes on when it does not any more',
  async () => {
    await using server = await ServerProcess.start('redis-server', (port, folder) =>
      `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly no --requirepass secret`.split(' '),
    );
    let heard: (line: string) => void = () => undefined;
    const waiting = new Promise<string>((resolve) => {
      heard = (line) => line.startsWith('waiting') && resolve(line);
    });
    const logger = { info: heard, warn: heard, error: heard };
    await using client = new Client({ address: `redis://127.0.0.1:${server.port}`, logger });
    const status = client.status();
    expect(await waiting).toBe(`waiting for Redis at 127.0.0.1:${server.port}`);
    const admin = new Redis(server.port, '127.0.0.1', { password: 'secret' });
    await admin.config('SET', 'requirepass', '');
    admin.disconnect();
    expect((await status).workers).toMatchObject([{ state: 'joined' }]);
  },
);
