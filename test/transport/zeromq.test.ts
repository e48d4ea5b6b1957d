import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { zeromqTransport } from '../../src/transport/zeromq.ts';
import type { BoundSocket, DialSocket } from '../../src/transport/transport.ts';
import { closer, contract } from './contract.ts';
import { Recorder, text, turn } from './recorder.ts';
import { handshake, longFrame, raw, shaken, shortFrame } from './zmtp.ts';

const transport = zeromqTransport();
const anyPort = () => 'tcp://127.0.0.1:*';
let made = 0;
const anyPath = () => `ipc://${join(tmpdir(), `gristmill-${process.pid}-${(made += 1)}`)}`;

describe('zeromq over tcp', () => {
  contract(() => ({ transport, address: anyPort }));
});

describe('zeromq over ipc', () => {
  contract(() => ({ transport, address: anyPath }));
});

describe('zeromq', () => {
  const keep = closer();

  async function pair() {
    const bound = new Recorder();
    const dialled = new Recorder();
    const router = keep(await transport.bindRouter(anyPort(), bound.router));
    const dealer = keep(transport.dialDealer(router.address, dialled.dial));
    await dialled.until(() => dialled.ups === 1);
    dealer.send(text('hello'));
    await bound.until(() => bound.messages.length === 1);
    return { router, dealer, bound, dialled, connection: bound.senders[0] as number };
  }

  function child(script: string, ...args: string[]) {
    const process_ = spawn(process.execPath, [fileURLToPath(new URL(script, import.meta.url)), ...args], { stdio: 'inherit' });
    onTestFinished(() => void process_.kill('SIGKILL'));
    return process_;
  }

  test.each([
    ['a host that does not exist', `tcp://${'x'.repeat(64)}:5555`, `the host ${'x'.repeat(64)} is not found (ENOTFOUND)`],
    ['a folder that is not there', 'ipc:///no/such/folder/socket', 'there is no folder /no/such/folder'],
  ])('says what is wrong with an address: %s', async (_what, address, why) => {
    const dialler = zeromqTransport();
    keep(dialler.dialDealer(address, new Recorder().dial));
    await expect.poll(() => dialler.trouble?.()).toBe(why);
  });

  test('says nothing of an address where nobody is yet', async () => {
    const folder = join(tmpdir(), `gristmill-${process.pid}-folder`);
    const address = `ipc://${join(folder, 'socket')}`;
    const dialler = zeromqTransport();
    const dialled = new Recorder();
    keep(dialler.dialDealer(address, dialled.dial));
    await expect.poll(() => dialler.trouble?.()).toBe(`there is no folder ${folder}`);
    await mkdir(folder);
    onTestFinished(() => rm(folder, { recursive: true }));
    await expect.poll(() => dialler.trouble?.()).toBe(undefined);
    keep(await transport.bindRouter(address, new Recorder().router));
    await dialled.until(() => dialled.ups === 1);
  });

  test('a killed process is lost within a second, and the others hear nothing of it', async () => {
    const { router, bound, dialled, connection } = await pair();
    const killed = child('./peer.mjs', router.address);
    await bound.until(() => bound.messages.length === 2);
    killed.kill('SIGKILL');
    const began = performance.now();
    await bound.until(() => bound.lost.length === 1);
    expect(performance.now() - began).toBeLessThan(1_000);
    expect(bound.lost).toEqual([bound.senders[1]]);
    router.send(connection, text('you are fine'));
    await dialled.until(() => dialled.messages.length === 1);
    expect(dialled.downs).toBe(0);
  });

  test('a frozen process is lost after the heartbeat time-out', async () => {
    const bound = new Recorder();
    const quick = zeromqTransport({ heartbeatIntervalMs: 100, heartbeatTimeoutMs: 300 });
    const router = keep(await quick.bindRouter(anyPort(), bound.router));
    const frozen = child('./peer.mjs', router.address);
    await bound.until(() => bound.messages.length === 1);
    frozen.kill('SIGSTOP');
    await bound.until(() => bound.lost.length === 1);
    expect(bound.lost).toEqual([bound.senders[0]]);
  });

  test('20,000 messages in each direction at full speed: none is lost, all are in order', async () => {
    const { router, dealer, bound, dialled, connection } = await pair();
    for (let i = 0; i < 20_000; i += 1) {
      dealer.send(text(String(i)));
      router.send(connection, text(String(i)));
      if (i % 2_000 === 0) await turn();
    }
    await Promise.all([bound.until(() => bound.messages.length === 20_001), dialled.until(() => dialled.messages.length === 20_000)]);
    const numbers = Array.from({ length: 20_000 }, (_, i) => String(i));
    expect(bound.texts.slice(1)).toEqual(numbers);
    expect(dialled.texts).toEqual(numbers);
  });

  test('5,000 sends in one tick all arrive, on every kind of socket', async () => {
    const { router, dealer, bound, dialled, connection } = await pair();
    const [pulled, pushed] = [new Recorder(), new Recorder()];
    const pull = keep(await transport.bindPull(anyPort(), pulled.pull));
    const push = keep(transport.dialPush(pull.address, pushed.dial));
    await pushed.until(() => pushed.ups === 1);
    for (let i = 0; i < 5_000; i += 1) {
      dealer.send(text('a', String(i)));
      router.send(connection, text('b', String(i)));
      push.send(text('c', String(i)));
    }
    await Promise.all([
      bound.until(() => bound.messages.length === 5_001),
      dialled.until(() => dialled.messages.length === 5_000),
      pulled.until(() => pulled.messages.length === 5_000),
    ]);
    expect(dialled.texts.at(-1)).toBe('b|4999');
  });

  test('a router whose peer does not read gives it up when its queue is full, and goes on with the others', async () => {
    const { router, dialled, bound, connection } = await pair();
    const { socket } = await shaken(router.address, 'DEALER');
    socket.pause();
    socket.write(shortFrame('hello'));
    await bound.until(() => bound.messages.length === 2);
    const stuck = bound.senders[1] as number;
    const frame = Buffer.alloc(100);
    for (let i = 0; bound.lost.length === 0 && i < 1_000_000; i += 1) {
      router.send(stuck, [frame]);
      if (i % 1_000 === 0) await turn();
    }
    expect(bound.lost).toEqual([stuck]);
    router.send(connection, text('you are fine'));
    await dialled.until(() => dialled.messages.length === 1);
    socket.destroy();
  });

  /** All three kinds, each with a peer of ours that must not notice anything. */
  async function kinds() {
    const [router, pull, push] = [new Recorder(), new Recorder(), new Recorder()];
    const [dealer, pushing, pulling] = [new Recorder(), new Recorder(), new Recorder()];
    const sockets = await Promise.all([
      transport.bindRouter(anyPort(), router.router),
      transport.bindPull(anyPort(), pull.pull),
      transport.bindPush(anyPort(), push.push),
    ]);
    for (const socket of sockets) keep(socket);
    const dials: DialSocket[] = [
      keep(transport.dialDealer(sockets[0].address, dealer.dial)),
      keep(transport.dialPush(sockets[1].address, pushing.dial)),
      keep(transport.dialPull(sockets[2].address, pulling.dial)),
    ];
    await Promise.all([dealer, pushing, pulling].map((dial) => dial.until(() => dial.ups === 1)));
    await push.until(() => push.peers === 1 && push.strangers === 0);
    const undisturbed = async () => {
      dials[0]?.send(text('still here'));
      dials[1]?.send(text('still here'));
      sockets[2].send(text('still here'));
      await Promise.all([router, pull, pulling].map((one) => one.until(() => one.texts.includes('still here'))));
      expect([dealer.downs, pushing.downs, pulling.downs]).toEqual([0, 0, 0]);
    };
    return { bounds: sockets satisfies BoundSocket[], recorders: [router, pull, push], push, undisturbed };
  }

  const garbage: Record<string, Buffer> = {
    'random bytes': Buffer.from('c7a1f05e9b3d27648812fe40', 'hex'),
    'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    'half a ZMTP greeting': handshake('DEALER').subarray(0, 40),
    'a ZMTP handshake cut short': handshake('DEALER').subarray(0, 75),
    'a ZMTP greeting with nonsense behind it': Buffer.concat([handshake('DEALER').subarray(0, 64), Buffer.from([4, 3, 1, 2, 3, 99])]),
    'a socket type that does not belong here': handshake('PUB'),
  };

  for (const [name, bytes] of Object.entries(garbage)) {
    test(`${name}: rejected with a reason, and nobody else is disturbed`, async () => {
      const { bounds, recorders, push, undisturbed } = await kinds();
      for (const [index, socket] of bounds.entries()) {
        const stranger = await raw(socket.address);
        stranger.socket.end(bytes);
        const recorder = recorders[index] as Recorder;
        await recorder.until(() => recorder.rejected.length > 0);
        expect(recorder.rejected[0]?.peer).toContain(socket.address);
        expect(recorder.rejected[0]?.reason).toMatch(/handshake|protocol/);
        stranger.socket.destroy();
      }
      await push.until(() => push.strangers === 0 && push.peers === 1);
      await undisturbed();
    });
  }

  test('a stranger that is still connected to a push socket is counted apart from the peers', async () => {
    const bound = new Recorder();
    const push = keep(await transport.bindPush(anyPort(), bound.push));
    const stranger = await raw(push.address);
    stranger.socket.write('GET / HTTP/1.1\r\n\r\n');
    await bound.until(() => bound.strangers === 1);
    expect(bound.peers).toBe(0);
    stranger.socket.destroy();
    await bound.until(() => bound.strangers === 0);
    expect(bound.downs).toBe(0);
  });

  test('a frame that announces 2^40 bytes, or one more than allowed, ends the connection and costs no memory', async () => {
    const { bounds, recorders, undisturbed } = await kinds();
    const before = process.memoryUsage().rss;
    for (const length of [1n << 40n, BigInt(4 * 1024 * 1024 + 64 * 1024 + 1), (1n << 63n) + 5n]) {
      for (const [index, type] of ['DEALER', 'PUSH', 'PULL'].entries()) {
        const stranger = await shaken((bounds[index] as BoundSocket).address, type);
        stranger.socket.write(Buffer.concat([longFrame(length), Buffer.alloc(1_000)]));
        await stranger.closed;
      }
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    expect(recorders.map((recorder) => recorder.messages.length)).toEqual([0, 0, 0]);
    await undisturbed();
  });

  test('a dialled socket that was answered with nonsense dials again, and says why', async () => {
    const connections: Socket[] = [];
    const server = createServer((socket) => {
      connections.push(socket);
      socket.on('error', () => {});
      socket.write(Buffer.concat([handshake('ROUTER').subarray(0, 64), Buffer.from([4, 3, 1, 2, 3, 99])]));
    });
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    });
    const dialled = new Recorder();
    const dealer = keep(transport.dialDealer(`tcp://127.0.0.1:${port}`, dialled.dial));
    await dialled.until(() => dialled.rejected.length === 2);
    expect(dialled.rejected[0]).toMatchObject({ peer: `tcp://127.0.0.1:${port}`, reason: expect.stringContaining('protocol') as string });
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => {
      server.close(resolve);
    });
    const bound = new Recorder();
    keep(await transport.bindRouter(`tcp://127.0.0.1:${port}`, bound.router));
    await dialled.until(() => dialled.ups === 1);
    dealer.send(text('at last'));
    await bound.until(() => bound.messages.length === 1);
    expect(bound.texts).toEqual(['at last']);
  });

  test('a dialled socket whose peer sent a frame too large is disconnected, and connects again', async () => {
    const bound = new Recorder();
    const [router, dialled] = [keep(await transport.bindRouter(anyPort(), bound.router)), new Recorder()];
    const dealer = keep(zeromqTransport({ maxFrameBytes: 1_000 }).dialDealer(router.address, dialled.dial));
    await dialled.until(() => dialled.ups === 1);
    dealer.send(text('hello'));
    await bound.until(() => bound.messages.length === 1);
    router.send(1, [Buffer.alloc(1_001)]);
    await dialled.until(() => dialled.ups === 2);
    dealer.send(text('again'));
    await bound.until(() => bound.messages.length === 2);
    expect(bound.heard).toEqual(['message', 'lost 1', 'message']);
    expect(dialled.messages).toEqual([]);
  });

  test('addresses that cannot be used are refused with a clear error', async () => {
    const { router, pull } = new Recorder();
    await expect(transport.bindRouter('here', router)).rejects.toThrow(/expected 'tcp:\/\/host:port'/);
    await expect(transport.bindPull('memory://x', pull)).rejects.toThrow(TypeError);
    await expect(transport.bindRouter('tcp://192.0.2.1:5555', router)).rejects.toThrow(/no such address/);
    expect(() => transport.dialDealer('tcp://127.0.0.1:*', new Recorder().dial)).toThrow(/expected a port/);
    expect(() => zeromqTransport({ heartbeatIntervalMs: 0 })).toThrow(RangeError);
  });

  test('a wildcard host and localhost are kept in the bound address', async () => {
    const any = keep(await transport.bindRouter('tcp://*:*', new Recorder().router));
    const local = keep(await transport.bindPull('tcp://localhost:*', new Recorder().pull));
    expect(any.address).toMatch(/^tcp:\/\/\*:[1-9]\d*$/);
    expect(local.address).toMatch(/^tcp:\/\/localhost:[1-9]\d*$/);
    const dialled = new Recorder();
    keep(transport.dialPush(local.address, dialled.dial));
    await dialled.until(() => dialled.ups === 1);
  });
});
