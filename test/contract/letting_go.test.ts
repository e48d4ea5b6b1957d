/** Clients of an engine that are closed while it does not answer: nothing of theirs keeps the process, and nothing else is touched. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { within } from '../chaos/world.ts';
import { Running } from '../integration/processes.ts';
import { have, natsServer } from './servers.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}.mjs`, import.meta.url));
/** The kernel gives up who does not answer after two minutes. */
const PATIENCE_MS = 20_000;

/** A server that says no more than this to whoever comes. */
async function saying(words: string): Promise<{ readonly host: string } & AsyncDisposable> {
  const server = createServer((socket) => socket.on('error', () => undefined).write(words)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, [Symbol.asyncDispose]: async () => void server.close() };
}

/** A place where nobody answers who dials: those that the kernel holds for it are here, and the next one is not heard. */
async function deaf(): Promise<{ readonly host: string } & AsyncDisposable> {
  const running = new Running([fixture('deaf')]);
  await running.printed(/^\d+$/);
  const dial = (): Socket => connect(Number(running.out), '127.0.0.1').on('error', () => undefined);
  const held: Socket[] = [];
  for (let isHeard = true; isHeard;) {
    const socket = dial();
    held.push(socket);
    // Who is answered is answered in far less.
    isHeard = await Promise.race([once(socket, 'connect').then(() => true), pause(500, false)]);
  }
  return {
    host: `127.0.0.1:${running.out.trim()}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of held) socket.destroy();
      running.kill('SIGKILL');
    },
  };
}

/** What a program prints, which must end by itself. */
async function outcomeOf(program: string, ...args: readonly string[]): Promise<unknown> {
  const running = new Running([fixture(program), ...args]);
  try {
    expect(await within(PATIENCE_MS, running.ended, 'the end of the process')).toEqual({ code: 0, signal: null });
  } finally {
    running.kill('SIGKILL');
  }
  return JSON.parse(running.out);
}

async function expectLetGo(address: string, afterMs: number): Promise<void> {
  expect(await outcomeOf('letting_go', address, String(afterMs))).toEqual({ name: 'ClosedError', stays: true });
}

it.each([
  ['nats', 'nothing', ''],
  ['redis', 'nothing', ''],
  ['nats', 'half of what it has to say', 'INFO {"server_id":'],
  [
    'nats',
    'that it wants TLS, and no more',
    'INFO {"server_id":"x","version":"2.9.10","max_payload":1048576,"proto":1,"tls_required":true}\r\n',
  ],
])('a client of %s whose server says %s, at once and after a while', { timeout: 4 * PATIENCE_MS }, async (scheme, _, words) => {
  await using one = await saying(words);
  await using two = await saying(words);
  const address = scheme === 'nats' ? `nats://${one.host},nats://${two.host}` : `${scheme}://${one.host}`;
  for (const afterMs of [0, 30, 500, 3_000]) await expectLetGo(address, afterMs);
});

it.each(['nats', 'redis'])('a client of %s where nobody answers who dials', { timeout: 4 * PATIENCE_MS }, async (scheme) => {
  await using place = await deaf();
  for (const afterMs of [0, 500, 3_000]) await expectLetGo(`${scheme}://${place.host}`, afterMs);
});

it.runIf(have('nats-server', 'what a function behind NATS dials', 'apt-get install nats-server'))(
  'what a function behind NATS dials is its own, and its connection to NATS goes on',
  { timeout: 2 * PATIENCE_MS },
  async () => {
    await using server = await natsServer();
    await using place = await saying('');
    const [, port = ''] = place.host.split(':');
    const said = await outcomeOf('function_dials', `nats://127.0.0.1:${server.port}`, port);
    expect(said).toEqual({ stay: [true, true, true], said: [] });
  },
);
