/** Clients that give up waiting for an engine. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { within } from '../chaos/world.ts';
import { freePort } from '../integration/ports.ts';
import { Running } from '../integration/processes.ts';
import { have, natsServer, ServerProcess } from './servers.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/giving_up.mjs', import.meta.url));
/** It gives up after 6 s: by then it has said why, also on a machine that has much to do. */
const PATIENCE_MS = 25_000;

interface Outcome {
  /** What the client's listeners hear, and what its call ends with. */
  readonly errors: readonly Readonly<Record<'name' | 'code' | 'message' | 'address', string>>[];
  readonly said: readonly string[];
  readonly timers: number;
}

/** What a client of this address ends with, in a process of its own, which must end by itself. */
async function outcomeOf(address: string): Promise<Outcome> {
  const running = new Running([PROGRAM, address]);
  try {
    expect(await within(PATIENCE_MS, running.ended, 'the end of the process')).toEqual({ code: 0, signal: null });
  } finally {
    running.kill('SIGKILL');
  }
  expect(running.out + running.err).not.toContain('secret');
  return JSON.parse(running.out) as Outcome;
}

it.each([
  // ioredis would keep timers for two seconds; the last one of NATS is gone a moment later.
  ['redis', 'Redis', 0],
  ['nats', 'NATS', 1],
])(
  'a client of %s that gives up says why, nothing of a password, and lets its process end',
  { timeout: 2 * PATIENCE_MS },
  async (scheme, name, timersLeft) => {
    const host = `127.0.0.1:${await freePort()}`;
    const { errors, said, timers } = await outcomeOf(`${scheme}://user:secret@${host}`);
    const [error, other] = errors;
    expect(other).toEqual(error);
    expect(error).toMatchObject({ name: 'ConnectError', code: 'timeout', address: `${scheme}://${host}` });
    expect(error?.message).toMatch(`${scheme}://${host}: no ${name} answered within 6000 ms: ${host}: `);
    expect(error?.message).toMatch(/ECONNREFUSED|connection refused/);
    expect(said).toContain(`waiting for ${name} at ${host}`);
    expect(timers).toBeLessThanOrEqual(timersLeft);
  },
);

it.each(['redis', 'nats'])(
  'a client of %s whose server says nothing at all lets its process end',
  { timeout: 2 * PATIENCE_MS },
  async (scheme) => {
    const mute = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    try {
      const { errors } = await outcomeOf(`${scheme}://127.0.0.1:${(mute.address() as AddressInfo).port}`);
      expect(errors.map(({ code }) => code)).toEqual(['timeout', 'timeout']);
    } finally {
      mute.close();
    }
  },
);

it.runIf(have('redis-server', 'a Redis without the database', 'apt-get install redis-server'))(
  'a database that a Redis does not have is waited for, and nothing is put into another',
  { timeout: 2 * PATIENCE_MS },
  async () => {
    const words = (port: number, folder: string): string[] =>
      `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly no --databases 2`.split(' ');
    await using server = await ServerProcess.start('redis-server', words);
    const { errors } = await outcomeOf(`redis://127.0.0.1:${server.port}/2`);
    expect(errors[0]?.message).toMatch(/: no Redis answered within 6000 ms: 127\.0\.0\.1:\d+: ERR DB index is out of range$/);
    const redis = new Redis(server.port, '127.0.0.1');
    expect(await redis.info('keyspace')).not.toContain('keys=');
    redis.disconnect();
  },
);

it.runIf(have('nats-server', 'a NATS with a stream of another kind', 'apt-get install nats-server'))(
  'a NATS that refuses what is made there is asked again and again, and why is said once',
  { timeout: 2 * PATIENCE_MS },
  async () => {
    await using server = await natsServer();
    const connection = await connect({ servers: `127.0.0.1:${server.port}` });
    await (await jetstreamManager(connection)).streams.add({ name: 'gristmill', subjects: ['gristmill.jobs', 'gristmill.nested'] });
    await connection.close();
    const { errors, said } = await outcomeOf(`nats://127.0.0.1:${server.port}`);
    const reasons = said.filter((line) => line.startsWith(`127.0.0.1:${server.port}: `));
    expect(reasons).toEqual([expect.stringContaining('stream name already in use')]);
    expect(errors[0]?.message).toContain(reasons[0]);
  },
);
