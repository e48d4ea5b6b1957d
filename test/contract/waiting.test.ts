/** What is said while no engine is there. */
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker as Thread } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Client } from '../../src/index.ts';
import { HeldJobs } from '../../src/pools/held.ts';
import { NatsPool } from '../../src/pools/nats.ts';
import { readNats } from '../../src/pools/nats/settings.ts';
import { RedisPool } from '../../src/pools/redis.ts';
import { startProxy } from '../chaos/proxy.ts';
import { within } from '../chaos/world.ts';
import { freePort } from '../integration/ports.ts';
import { Running } from '../integration/processes.ts';
import { WORKER } from './pool.ts';
import { guard, guardedNatsServer, have, natsServer, ServerProcess } from './servers.ts';

/** A step of what follows takes no longer; with all of them the processes of a test end before it is given up. */
const PATIENCE_MS = 15_000;

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
  readonly refuse: (server: ServerProcess) => Promise<void>;
  readonly says: RegExp;
  readonly mend: (server: ServerProcess) => Promise<void>;
}

async function redisCommand({ port }: ServerProcess, password: string | undefined, ...command: [string, ...string[]]): Promise<unknown> {
  const redis = new Redis(port, '127.0.0.1', password === undefined ? {} : { password });
  const answer = await redis.call(...command);
  redis.disconnect();
  return answer;
}

async function ofNats(
  { port }: ServerProcess,
  action: (manager: Awaited<ReturnType<typeof jetstreamManager>>) => Promise<unknown>,
): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  await action(await jetstreamManager(connection));
  await connection.close();
}

const NO_CHANNELS = ['ACL', 'SETUSER', 'default', 'resetchannels'] as const;
const ALL_CHANNELS = ['ACL', 'SETUSER', 'default', 'allchannels'] as const;
const PASSWORD = 'p@ss';

const startRedis = (): Promise<ServerProcess> =>
  ServerProcess.start('redis-server', (port, folder) => `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly no`.split(' '));

const REFUSALS: Refusal[] = [
  {
    name: 'a Redis that wants a password',
    scheme: 'redis',
    start: startRedis,
    refuse: async (server) => void (await redisCommand(server, undefined, 'CONFIG', 'SET', 'requirepass', 'secret')),
    says: /NOAUTH/,
    mend: async (server) => void (await redisCommand(server, 'secret', 'CONFIG', 'SET', 'requirepass', '')),
  },
  {
    name: 'a Redis that lets nobody subscribe',
    scheme: 'redis',
    start: startRedis,
    refuse: async (server) => void (await redisCommand(server, undefined, ...NO_CHANNELS)),
    says: /NOPERM/,
    mend: async (server) => void (await redisCommand(server, undefined, ...ALL_CHANNELS)),
  },
  {
    name: 'a NATS in which something else takes our jobs',
    scheme: 'nats',
    start: natsServer,
    refuse: (server) => ofNats(server, ({ streams }) => streams.add({ name: 'other', subjects: ['gristmill.jobs'] })),
    says: /subjects overlap/,
    mend: (server) => ofNats(server, ({ streams }) => streams.delete('other')),
  },
  {
    name: 'a NATS that wants a password',
    scheme: 'nats',
    start: guardedNatsServer,
    refuse: (server) => guard(server, PASSWORD),
    says: /Authorization Violation/i,
    mend: (server) => guard(server, undefined),
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
      await refusal.refuse(server);
      const marks = join(tmpdir(), `gristmill-waiting-${randomUUID()}`);
      const address = `${refusal.scheme}://127.0.0.1:${server.port}`;
      const worker = new Running([fileURLToPath(WORKER), 'worker1', address]);
      try {
        await within(PATIENCE_MS, worker.printed(refusal.says), 'the worker to be refused');
        // The client is refused before anything is mended: it says so, or its job ends by that.
        let hear: (text: string) => void = () => undefined;
        const refused = new Promise<void>((resolve) => {
          hear = (text) => refusal.says.test(text) && resolve();
        });
        const logger = { info: hear, warn: (text: string) => hear(text), error: hear };
        await using client = new Client({ address, logger });
        const first = client.call('foo', 'first').then(String, (error: Error) => error.message);
        void first.then((text) => hear(text));
        await within(PATIENCE_MS, refused, 'the client to be refused');
        // What is given up while it waits is not done later.
        const signal = AbortSignal.timeout(100);
        const given = await client.call('marked', `${marks} given-up`, { signal }).catch((error: Error) => error);
        expect(given).toBeInstanceOf(Error);
        await refusal.mend(server);
        const text = await first;
        expect(text).toMatch(new RegExp(`${refusal.says.source}|^worker1 processed first$`));
        expect(String(await client.call('foo', 'next'))).toBe('worker1 processed next');
        expect(String(await client.call('marked', `${marks} last`))).toBe('last 1');
        expect(readFileSync(marks, 'utf8')).toBe('last\n');
        expect([worker.child.exitCode, worker.child.signalCode]).toEqual([null, null]);
      } finally {
        worker.kill('SIGKILL');
        await worker.ended;
        rmSync(marks, { force: true });
      }
    },
  );
});

const LATER: readonly (Refusal & { readonly again: (server: ServerProcess) => Promise<unknown> })[] = [
  {
    ...(REFUSALS[1] as Refusal),
    // Both hear again, and need not look.
    again: async (server) => {
      const channels = (): Promise<unknown> => redisCommand(server, undefined, 'PUBSUB', 'CHANNELS');
      await expect.poll(channels, { timeout: PATIENCE_MS }).toEqual(expect.arrayContaining([expect.stringMatching(/:to:/)]));
      await expect.poll(channels, { timeout: PATIENCE_MS }).toEqual(expect.arrayContaining([expect.stringMatching(/:cancel$/)]));
    },
  },
  { ...(REFUSALS[3] as Refusal), again: async () => undefined },
];

describe.each([
  ['redis', have('redis-server', 'a Redis that refuses later', 'apt-get install redis-server')],
  ['nats', have('nats-server', 'a NATS that refuses later', 'apt-get install nats-server')],
] as const)('%s', (engine, here) => {
  it.runIf(here).each(LATER.filter(({ scheme }) => scheme === engine))(
    '$name after a while ends neither client nor worker: both go on when it is mended',
    { timeout: 60_000 },
    async ({ scheme, start, refuse, says, mend, again }) => {
      await using server = await start();
      const address = `${scheme}://127.0.0.1:${server.port}`;
      const worker = new Running([fileURLToPath(WORKER), 'worker1', address]);
      try {
        let hear: () => void = () => undefined;
        const refused = new Promise<void>((resolve) => {
          hear = resolve;
        });
        const line = (text: string): void => void (says.test(text) && hear());
        await using client = new Client({ address, logger: { info: line, warn: line, error: line } });
        expect(String(await client.call('foo', 'first'))).toBe('worker1 processed first');
        await refuse(server);
        await within(PATIENCE_MS, Promise.all([worker.printed(says), refused]), 'both to be refused');
        await mend(server);
        expect(String(await client.call('foo', 'next'))).toBe('worker1 processed next');
        await again(server);
        expect([worker.child.exitCode, worker.child.signalCode]).toEqual([null, null]);
      } finally {
        worker.kill('SIGKILL');
        await worker.ended;
      }
    },
  );
});

it.runIf(have('redis-server', 'a Redis that lets nobody tell', 'apt-get install redis-server'))(
  'jobs that end while Redis lets nobody tell have run once, and their results are found',
  { timeout: 60_000 },
  async () => {
    await using server = await startRedis();
    const address = `redis://127.0.0.1:${server.port}?lockMs=1000`;
    const worker = new Running([fileURLToPath(WORKER), 'worker1', address]);
    const marks = join(tmpdir(), `gristmill-waiting-${randomUUID()}`);
    const ran = (): string[] => (existsSync(marks) ? readFileSync(marks, 'utf8').trim().split('\n') : []);
    try {
      await using pool = new RedisPool({ url: address, logger: false });
      const ids: string[] = [];
      for (let i = 0; i < 8; i += 1) ids.push(await pool.submit('marked', `${marks} ${i} 200`));
      const unwanted = await pool.submit('marked', `${marks} unwanted`);
      await expect.poll(ran, { timeout: PATIENCE_MS }).toHaveLength(1);
      await redisCommand(server, undefined, ...NO_CHANNELS);
      expect([await pool.cancel(unwanted), await pool.cancel(unwanted)]).toEqual([true, false]);
      const ended = async (): Promise<unknown[]> =>
        Promise.all(ids.map(async (id) => await pool.fetch(id).then((record) => [record?.status, record?.attempts])));
      await expect.poll(ended, { timeout: PATIENCE_MS }).toEqual(ids.map(() => ['done', 1]));
      expect(ran().sort()).toEqual(ids.map((_, i) => String(i)));
      expect(await pool.fetch(unwanted)).toMatchObject({ status: 'failed', error: { code: 'cancelled' } });
    } finally {
      worker.kill('SIGKILL');
      await worker.ended;
      rmSync(marks, { force: true });
    }
  },
);

it.runIf(have('nats-server', 'a NATS with a password', 'apt-get install nats-server'))(
  'who has the password of a NATS is let in, by its address',
  { timeout: 60_000 },
  async () => {
    await using server = await guardedNatsServer();
    await guard(server, PASSWORD);
    const address = `nats://user:p%40ss@127.0.0.1:${server.port}`;
    await using pool = new NatsPool({ servers: address, logger: false });
    await pool.spawnWorker(WORKER, { name: 'worker1' });
    await using client = new Client({ address, logger: false });
    expect(String(await client.call('foo', 'first'))).toBe('worker1 processed first');
  },
);

/** How many jobs a NATS has. */
async function queuedAt({ port }: ServerProcess): Promise<number> {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  const { state } = await (await jetstreamManager(connection)).streams.info('gristmill');
  await connection.close();
  return state.messages;
}

it.runIf(have('nats-server', 'a NATS whose jobs are given up', 'apt-get install nats-server'))(
  'what is given up while a NATS is away is not done later',
  { timeout: 60_000 },
  async () => {
    await using server = await natsServer();
    await using proxy = await startProxy({ host: '127.0.0.1', port: await freePort() }, { host: '127.0.0.1', port: server.port });
    await using pool = new NatsPool({ servers: `nats://127.0.0.1:${server.port}`, logger: false });
    await pool.spawnWorker(WORKER, { name: 'worker1' });
    await using client = new Client({ address: proxy.address.replace('tcp:', 'nats:'), logger: false });
    const marks = join(tmpdir(), `gristmill-waiting-${randomUUID()}`);
    expect(String(await client.call('foo', 'first'))).toBe('worker1 processed first');
    proxy.refuse();
    await server.kill();
    proxy.cut();
    const sizes = Array.from({ length: 20 }, (_, i) => (i % 4 === 0 ? 300_000 : 9));
    const given = sizes.map((size) => client.call('marked', `${marks} ${'x'.repeat(size)}`, { signal: AbortSignal.timeout(500) }));
    for (const call of await Promise.allSettled(given))
      expect(call).toMatchObject({ status: 'rejected', reason: { name: 'TimeoutError' } });
    await server.start();
    expect(await pool.ended(await pool.submit('foo', 'next'))).toMatchObject({ status: 'done' });
    // The worker is there, and is quicker than the client.
    proxy.delay(300);
    await proxy.listen();
    expect(String(await client.call('foo', 'last'))).toBe('worker1 processed last');
    await expect.poll(() => queuedAt(server), { timeout: PATIENCE_MS }).toBe(0);
    expect(existsSync(marks)).toBe(false);
  },
);

it.runIf(have('nats-server', 'a NATS whose answer is lost', 'apt-get install nats-server'))(
  'a job that a NATS took, but that nobody heard of, is taken out when it is given up',
  { timeout: 60_000 },
  async () => {
    await using server = await natsServer();
    await using proxy = await startProxy({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: server.port });
    await using client = new Client({ address: proxy.address.replace('tcp:', 'nats:'), logger: false });
    const marks = join(tmpdir(), `gristmill-waiting-${randomUUID()}`);
    const key = await client.set('it is there');
    proxy.swallow('down');
    const wanted = new AbortController();
    const given = client.call('marked', `${marks} given-up`, { signal: wanted.signal }).catch((error: Error) => error.name);
    await expect.poll(() => queuedAt(server), { timeout: PATIENCE_MS }).toBe(1);
    wanted.abort();
    expect(await given).toBe('AbortError');
    await proxy.heal();
    proxy.cut();
    await expect.poll(() => queuedAt(server), { timeout: PATIENCE_MS }).toBe(0);
    expect(String(await client.get(key))).toBe('it is there');
    await using pool = new NatsPool({ servers: `nats://127.0.0.1:${server.port}`, logger: false });
    await pool.spawnWorker(WORKER, { name: 'worker1' });
    expect(String(await client.call('marked', `${marks} last`))).toBe('last 1');
    expect(readFileSync(marks, 'utf8')).toBe('last\n');
    rmSync(marks);
  },
);

describe('the thread that keeps locks', () => {
  const threadOf = (engine: 'redis' | 'nats', workerData: object): Thread =>
    new Thread(new URL(`../../dist/pools/${engine}/renewer_thread.js`, import.meta.url), { workerData });
  const said = (thread: Thread): Promise<unknown> => within(PATIENCE_MS, once(thread, 'message'), 'the thread to be ready');

  it.runIf(have('redis-server', 'a Redis that refuses its thread', 'apt-get install redis-server'))('asks a Redis again', async () => {
    await using server = await startRedis();
    await redisCommand(server, undefined, 'CONFIG', 'SET', 'requirepass', 'secret');
    const thread = threadOf('redis', { url: `redis://127.0.0.1:${server.port}`, queue: 'queue', lockMs: 1_000 });
    try {
      const ready = said(thread);
      const refused = (): Promise<unknown> => redisCommand(server, 'secret', 'INFO', 'commandstats');
      await expect.poll(refused, { timeout: PATIENCE_MS }).toMatch(/cmdstat_hello:.*failed_calls=([2-9]|\d\d)/);
      await redisCommand(server, 'secret', 'CONFIG', 'SET', 'requirepass', '');
      await ready;
    } finally {
      await thread.terminate();
    }
  });

  it.runIf(have('nats-server', 'a NATS that refuses its thread', 'apt-get install nats-server'))(
    'asks a NATS again, at first and after a break, and keeps locks then',
    { timeout: 60_000 },
    async () => {
      await using server = await guardedNatsServer();
      await using pool = new NatsPool({ servers: `nats://127.0.0.1:${server.port}`, logger: false });
      expect(await pool.workerCount()).toBe(0);
      await using proxy = await startProxy({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port: server.port });
      const refusedThrice = (before = proxy.connections): Promise<void> =>
        expect.poll(() => proxy.connections, { timeout: PATIENCE_MS }).toBeGreaterThan(before + 3);
      await guard(server, PASSWORD);
      const settings = readNats('address', proxy.address.replace('tcp:', 'nats:'), { lockMs: 500 });
      const thread = threadOf('nats', { ...settings, name: 'worker1' });
      try {
        const ready = said(thread);
        await refusedThrice();
        await guard(server, undefined);
        await ready;
        await guard(server, PASSWORD);
        await refusedThrice();
        await guard(server, undefined);
        const connection = await connect({ servers: `127.0.0.1:${server.port}`, maxReconnectAttempts: -1, ignoreAuthErrorAbort: true });
        const renewed = new Promise<void>((resolve) => {
          connection.subscribe('lock', { callback: () => resolve() });
        });
        const held = new HeldJobs((page) => thread.postMessage(page));
        held.hold('id', 'lock');
        await within(PATIENCE_MS, renewed, 'the lock to be kept');
        expect(await pool.workerCount()).toBe(1);
        await connection.close();
      } finally {
        await thread.terminate();
      }
    },
  );
});
