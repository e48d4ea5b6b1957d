/** What is said while no engine is there. */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import { freePort } from '../integration/ports.ts';
import { Running } from '../integration/processes.ts';
import { WORKER } from './pool.ts';
import { have, natsServer, ServerProcess } from './servers.ts';

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

/** A server that refuses what it is asked for, what it says then, and how that is mended. */
interface Refusal {
  readonly name: string;
  readonly scheme: 'redis' | 'nats';
  readonly start: () => Promise<ServerProcess>;
  readonly refuse: (port: number) => Promise<void>;
  readonly says: RegExp;
  readonly mend: (port: number) => Promise<void>;
}

async function redisCommand(port: number, password: string | undefined, ...command: [string, ...string[]]): Promise<void> {
  const redis = new Redis(port, '127.0.0.1', password === undefined ? {} : { password });
  await redis.call(...command);
  redis.disconnect();
}

async function ofNats(port: number, action: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<unknown>): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  await action(await jetstreamManager(connection));
  await connection.close();
}

const startRedis = (): Promise<ServerProcess> =>
  ServerProcess.start('redis-server', (port, folder) => `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly no`.split(' '));

const REFUSALS: Refusal[] = [
  {
    name: 'a Redis that wants a password',
    scheme: 'redis',
    start: startRedis,
    refuse: (port) => redisCommand(port, undefined, 'CONFIG', 'SET', 'requirepass', 'secret'),
    says: /NOAUTH/,
    mend: (port) => redisCommand(port, 'secret', 'CONFIG', 'SET', 'requirepass', ''),
  },
  {
    name: 'a Redis that lets nobody subscribe',
    scheme: 'redis',
    start: startRedis,
    refuse: (port) => redisCommand(port, undefined, 'ACL', 'SETUSER', 'default', 'resetchannels'),
    says: /NOPERM/,
    mend: (port) => redisCommand(port, undefined, 'ACL', 'SETUSER', 'default', 'allchannels'),
  },
  {
    name: 'a NATS in which something else takes our jobs',
    scheme: 'nats',
    start: natsServer,
    refuse: (port) => ofNats(port, ({ streams }) => streams.add({ name: 'other', subjects: ['gristmill.jobs'] })),
    says: /subjects overlap/,
    mend: (port) => ofNats(port, ({ streams }) => streams.delete('other')),
  },
];

describe.each([
  ['redis', have('redis-server', 'a Redis that refuses', 'apt-get install redis-server')],
  ['nats', have('nats-server', 'a NATS that refuses', 'apt-get install nats-server')],
] as const)('%s', (engine, here) => {
  const refusals = REFUSALS.filter(({ scheme }) => scheme === engine);
  it.runIf(here).each(refusals)(
    '$name ends neither client nor worker: both go on when it is mended',
    { timeout: 60_000 },
    async (refusal) => {
      await using server = await refusal.start();
      await refusal.refuse(server.port);
      const address = `${refusal.scheme}://127.0.0.1:${server.port}`;
      const worker = new Running([fileURLToPath(WORKER), 'worker1', address]);
      try {
        await worker.printed(refusal.says);
        // The client is refused before anything is mended: it says so, or its job ends by that.
        let hear: (text: string) => void = () => undefined;
        const refused = new Promise<void>((resolve) => {
          hear = (text) => refusal.says.test(text) && resolve();
        });
        const logger = { info: hear, warn: (text: string) => hear(text), error: hear };
        await using client = new Client({ address, logger });
        const first = client.call('foo', 'first').then(String, (error: Error) => error.message);
        void first.then((text) => hear(text));
        await refused;
        await refusal.mend(server.port);
        const text = await first;
        expect(text).toMatch(new RegExp(`${refusal.says.source}|^worker1 processed first$`));
        expect(String(await client.call('foo', 'next'))).toBe('worker1 processed next');
        expect([worker.child.exitCode, worker.child.signalCode]).toEqual([null, null]);
      } finally {
        worker.kill('SIGKILL');
        await worker.ended;
      }
    },
  );
});

it.runIf(have('redis-server', 'a Redis that refuses later', 'apt-get install redis-server'))(
  'a Redis that lets nobody subscribe any more ends neither client nor worker: both go on when it is mended',
  { timeout: 60_000 },
  async () => {
    await using server = await startRedis();
    const address = `redis://127.0.0.1:${server.port}`;
    const worker = new Running([fileURLToPath(WORKER), 'worker1', address]);
    try {
      let hear: () => void = () => undefined;
      const refused = new Promise<void>((resolve) => {
        hear = resolve;
      });
      const line = (text: string): void => void (/NOPERM/.test(text) && hear());
      await using client = new Client({ address, logger: { info: line, warn: line, error: line } });
      expect(String(await client.call('foo', 'first'))).toBe('worker1 processed first');
      await redisCommand(server.port, undefined, 'ACL', 'SETUSER', 'default', 'resetchannels');
      await Promise.all([worker.printed(/NOPERM/), refused]);
      await redisCommand(server.port, undefined, 'ACL', 'SETUSER', 'default', 'allchannels');
      expect(String(await client.call('foo', 'next'))).toBe('worker1 processed next');
      expect([worker.child.exitCode, worker.child.signalCode]).toEqual([null, null]);
    } finally {
      worker.kill('SIGKILL');
      await worker.ended;
    }
  },
);
