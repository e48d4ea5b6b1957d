/** Bytes that are not ours, sent to each of the three sockets of a master at work. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Dealer, Pull, Push } from 'zeromq';
import { clientOf, expectEach, jobs } from './helpers.ts';
import { freePort } from './ports.ts';
import { type Cluster, type Running, startCluster } from './processes.ts';

const COUNT = 20_000;
/** The greeting of ZMTP 3.1 with the NULL mechanism; then a READY command for a type of socket. */
const GREETING = Buffer.concat([
  Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]),
  Buffer.from('NULL'.padEnd(20, '\0'), 'latin1'),
  Buffer.alloc(32),
]);

function ready(type: string): Buffer {
  const body = Buffer.concat([Buffer.from('\x05READY\x0bSocket-Type\0\0\0', 'latin1'), Buffer.from([type.length]), Buffer.from(type)]);
  return Buffer.concat([Buffer.from([4, body.length]), body]);
}

/** A frame that announces more than comes. */
const HALF_A_FRAME = Buffer.from([0, 200, 1, 2, 3]);
/** One that announces 2^62 bytes. */
const HUGE_FRAME = Buffer.from([2, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);

/** What is written to a TCP port before it is hung up. */
const RAW: Record<string, () => Buffer> = {
  'random bytes': () => Buffer.concat([Buffer.from([0xff]), randomBytes(2_000)]),
  'random bytes as of an old protocol': () => Buffer.concat([Buffer.from([20]), randomBytes(2_000)]),
  'an HTTP request': () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: curl\r\nAccept: */*\r\n\r\n'),
  'half a greeting': () => GREETING.subarray(0, 20),
  'a greeting and nothing': () => GREETING,
  'a greeting and random bytes': () => Buffer.concat([GREETING, Buffer.from([0xfe]), randomBytes(2_000)]),
  'another mechanism': () => Buffer.concat([GREETING.subarray(0, 12), Buffer.from('CURVE'.padEnd(52, '\0'))]),
  'a socket of the wrong type': () => Buffer.concat([GREETING, ready('SUB')]),
};

/** Writes, and hangs up. */
function write(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    socket.resume();
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
}

/** Messages that are valid ZMTP, but none of ours: as frames, with what is said of them. */
const MESSAGES: [frames: Buffer[], reason: RegExp][] = [
  [[Buffer.from('x')], /it is too short/],
  [[Buffer.from('hello world')], /does not begin like a message of ours/],
  [[randomBytes(1_000).fill('R', 0, 1)], /does not begin like a message of ours/],
  [[Buffer.from('x'), Buffer.alloc(100_000), Buffer.alloc(0)], /it is too short/],
  [[Buffer.from([0x47, 3, 1, 0])], /its version is 3, ours is 1/],
  [[Buffer.from([0x47, 1, 99])], /its type 99 is unknown/],
  [[Buffer.from([0x47, 1, 1])], /./],
  [[Buffer.from([0x47, 1, 1, 0, 255, 255, 255, 255])], /./],
  [[Buffer.concat([Buffer.from([0x47, 1, 5]), Buffer.alloc(30)]), Buffer.from('no payload')], /./],
  [[Buffer.concat([Buffer.from([0x47, 1, 6]), Buffer.alloc(16, 7), Buffer.alloc(8)])], /./],
  [[Buffer.concat([Buffer.from([0x47, 1, 6]), randomBytes(64)])], /./],
  [[Buffer.concat([Buffer.from([0x47, 1, 5]), randomBytes(64)])], /./],
  [[Buffer.concat([Buffer.from([0x47, 1, 7]), Buffer.alloc(27)])], /./],
];

interface Ports {
  readonly router: number;
  readonly push: number;
  readonly pull: number;
}

async function startMill(policy: 'leastLoaded' | 'roundRobin'): Promise<{ cluster: Cluster; ports: Ports }> {
  const ports = { router: await freePort(), push: await freePort(), pull: await freePort() };
  const at = (port: number): string => `tcp://127.0.0.1:${port}`;
  const options = { workerPushAddress: at(ports.push), workerPullAddress: at(ports.pull) };
  return { cluster: await startCluster({ workers: 2, policy, options, address: at(ports.router) }), ports };
}

/** Streams jobs, and lets `disturb` run when some have come, with as many behind it; every result must be there, once and exact. */
async function whileStreaming(cluster: Cluster, disturb: () => Promise<void>): Promise<void> {
  let begin: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    begin = resolve;
  }).then(disturb);
  async function* source(): AsyncGenerator<string> {
    let given = 0;
    for (const job of jobs(COUNT)) {
      if ((given += 1) === COUNT / 2) await done;
      yield job;
    }
  }
  const results: string[] = [];
  for await (const result of clientOf(cluster).job('echo', source())) {
    results.push(result.toString());
    if (results.length === 100) begin();
  }
  expectEach(results, jobs(COUNT));
}

/** Every line about a rejected message is there once. */
function expectSaidOnce(master: Running): void {
  const lines = master.err.split('\n').filter((line) => line.startsWith('rejected'));
  expect(lines.length).toBeGreaterThan(0);
  expect(new Set(lines).size).toBe(lines.length);
}

async function rejected(cluster: Cluster): Promise<Record<string, number>> {
  return (await clientOf(cluster).status()).rejected;
}

const POLICIES = ['leastLoaded', 'roundRobin'] as const;

describe.each(POLICIES)('with %s, while 20,000 jobs run', (policy) => {
  it(
    'random bytes, HTTP and broken handshakes on each socket are rejected with a reason, and disturb nothing',
    { timeout: 60_000 },
    async () => {
      const { cluster, ports } = await startMill(policy);
      await using _ = cluster;
      await whileStreaming(cluster, async () => {
        for (const port of Object.values(ports)) {
          for (const bytes of Object.values(RAW)) await write(port, bytes());
          for (let i = 0; i < 20; i += 1) await write(port, randomBytes(500));
        }
      });
      // Each connection was told of once (one after the other: ZeroMQ does not say whose event it is), besides the messages that could be made of its bytes.
      await cluster.master.printed(/^rejected {"peer":"a peer at/, 3 * (Object.keys(RAW).length + 20));
      expectSaidOnce(cluster.master);
      for (const port of Object.values(ports))
        expect(cluster.master.err).toMatch(
          new RegExp(`^rejected a message from a peer at tcp://127.0.0.1:${port}: does not speak our protocol`, 'm'),
        );
      const counts = await rejected(cluster);
      expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(cluster.master.count(/^rejected {/));
      expect(String(await clientOf(cluster).call('echo', 'after all'))).toBe('after all');
    },
  );

  it('truncated and huge frames behind a good handshake are dropped, and disturb nothing', { timeout: 60_000 }, async () => {
    const { cluster, ports } = await startMill(policy);
    await using _ = cluster;
    await whileStreaming(cluster, async () => {
      for (const [port, type] of [
        [ports.router, 'DEALER'],
        [ports.pull, 'PUSH'],
        [ports.push, 'PULL'],
      ] as const) {
        await write(port, Buffer.concat([GREETING, ready(type), HALF_A_FRAME]));
        await write(port, Buffer.concat([GREETING, ready(type), HUGE_FRAME]));
      }
    });
    expect(String(await clientOf(cluster).call('echo', 'after all'))).toBe('after all');
    expect(await clientOf(cluster).status()).toMatchObject({ workers: [{ state: 'joined' }, { state: 'joined' }] });
  });

  it(
    'messages of other programs on each socket are rejected with a reason, counted, said once, and disturb nothing',
    { timeout: 60_000 },
    async () => {
      const { cluster, ports } = await startMill(policy);
      await using _ = cluster;
      const dealer = new Dealer({ linger: 1_000 });
      dealer.connect(cluster.address);
      const push = new Push({ linger: 1_000 });
      push.connect(`tcp://127.0.0.1:${ports.pull}`);
      await whileStreaming(cluster, async () => {
        for (let round = 0; round < 5; round += 1) {
          for (const [frames] of MESSAGES) {
            await dealer.send(frames);
            await push.send(frames);
          }
        }
      });
      // Each message was rejected at each of the two sockets that read.
      await cluster.master.printed(/^rejected {/, 2 * 5 * MESSAGES.length);
      for (const [, reason] of MESSAGES)
        expect(cluster.master.err).toMatch(new RegExp(`^rejected a message from .*: .*${reason.source}`, 'm'));
      expectSaidOnce(cluster.master);
      const counts = await rejected(cluster);
      expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(2 * 5 * MESSAGES.length);
      expect(counts).toMatchObject({ 'it is too short': 20, 'its version is 3, ours is 1': 10, 'its type 99 is unknown': 10 });
      dealer.close();
      push.close();
    },
  );

  it('a stranger that pulls at the push socket keeps no job: it is noticed, and nothing is lost', { timeout: 60_000 }, async () => {
    const { cluster, ports } = await startMill(policy);
    await using _ = cluster;
    const stranger = new Pull({ linger: 0 });
    await whileStreaming(cluster, async () => {
      stranger.connect(`tcp://127.0.0.1:${ports.push}`);
      if (policy === 'roundRobin') await cluster.master.printed(/^3 peers are connected for parts by PUSH, but 2 workers are welcome/);
      stranger.close();
    });
    expect(String(await clientOf(cluster).call('echo', 'after all'))).toBe('after all');
  });
});
