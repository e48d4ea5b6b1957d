import { describe, expect, it } from 'vitest';
import { Dealer, Router } from 'zeromq';
import { Client, ClosedError, ConnectError, GristmillError, Master, type Transport, Worker } from '../../src/index.ts';
import { zeromqTransport } from '../../src/transport/zeromq.ts';
import { clientOf, collect, keepsLines, texts, thrownBy } from './helpers.ts';
import { freeAddress, freePort } from './ports.ts';
import { Processes, startCluster } from './processes.ts';

class Fixture extends Worker {
  foo(message: Buffer): Buffer {
    return message;
  }
}

/** Something that speaks ZeroMQ and answers every hello with this message. */
async function answersWith(processes: Processes, message: Buffer): Promise<string> {
  const router = new Router({ linger: 0 });
  const address = await freeAddress();
  await router.bind(address);
  const answering = (async () => {
    for await (const [id] of router) await router.send([id as Buffer, message]);
  })();
  processes.uses({
    async [Symbol.asyncDispose]() {
      router.close();
      await answering.catch(() => undefined);
    },
  });
  return address;
}

const BINDS = ['bindRouter', 'bindPush', 'bindPull'] as const;
const MOMENTS = ['at once', 'when it has begun', ...BINDS];

/** ZeroMQ, but the one that is named binds only when it is told to go on. */
function heldAt(moment: string): { transport: Transport; reached: Promise<void>; goOn: () => void } {
  const transport = zeromqTransport();
  let reach = (): void => undefined;
  let goOn = (): void => undefined;
  const reached = new Promise<void>((resolve) => (reach = resolve));
  const going = new Promise<void>((resolve) => (goOn = resolve));
  for (const name of BINDS) {
    if (name !== moment) continue;
    const bind = transport[name].bind(transport) as (...args: unknown[]) => Promise<never>;
    transport[name] = async (...args: unknown[]) => {
      reach();
      await going;
      return await bind(...args);
    };
  }
  return { transport, reached, goOn };
}

describe('an address in use', () => {
  it('rejects start() with EADDRINUSE and the address, for each of the three', async () => {
    await using cluster = await startCluster({ workers: 0 });
    for (const option of ['address', 'workerPushAddress', 'workerPullAddress']) {
      const free = await freeAddress();
      const master = new Master({ name: 'second', address: free, [option]: cluster.address, logger: false });
      const error = (await thrownBy(master.start())) as NodeJS.ErrnoException;
      expect(error.code, option).toBe('EADDRINUSE');
      expect(error.message).toBe(`cannot bind ${cluster.address}: the address is in use (EADDRINUSE)`);
      await master.stop();
      // It holds none of its addresses.
      await using third = new Master({ name: 'third', address: free, logger: false });
      await third.start();
    }
    expect(await clientOf(cluster).status()).toMatchObject({ master: 'fixture' });
  });

  it('ends a program that does not catch it with code 1 and a line that names it', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const second = cluster.node('test/integration/fixtures/master.mjs', [cluster.address]);
    expect(await second.ended).toEqual({ code: 1, signal: null });
    expect(second.err).toContain(`cannot bind ${cluster.address}: the address is in use (EADDRINUSE)`);
  });

  it('is free again when its master has stopped', async () => {
    const address = await freeAddress();
    for (let i = 0; i < 10; i += 1) {
      await using master = new Master({ name: `${i}`, address, logger: false });
      await master.start();
      expect(master.address).toBe(address);
    }
  });

  it.each(MOMENTS)('is free again when its master was stopped while it started, %s', async (moment) => {
    const listeners = process.listenerCount('SIGTERM');
    const address = await freeAddress();
    const { transport, reached, goOn } = heldAt(moment);
    const master = new Master({ name: 'hasty', address, transport, logger: false });
    const told: string[] = [];
    master.events.on('listening', () => told.push('listening'));
    master.events.on('closed', () => told.push('closed'));
    const started = thrownBy(master.start({ signals: true }));
    if (moment === 'when it has begun') await Promise.resolve();
    else if (moment !== 'at once') await reached;
    const stopped = master.stop();
    goOn();
    await stopped;
    const error = await started;
    expect(error).toBeInstanceOf(ClosedError);
    expect(error).toMatchObject({ code: 'closed', message: 'master hasty: closed' });
    expect(told).toEqual(['closed']);
    expect(process.listenerCount('SIGTERM')).toBe(listeners);
    await using next = new Master({ name: 'next', address, logger: false });
    await next.start();
  });

  it('is free again when its master could not start for another reason', async () => {
    const address = await freeAddress();
    const create = (): never => {
      throw new Error('no policy today');
    };
    const master = new Master({ name: 'unlucky', address, policy: { name: 'mine', create }, logger: false });
    expect((await thrownBy(master.start())) as Error).toMatchObject({ message: 'no policy today' });
    await master.stop();
    await using next = new Master({ name: 'next', address, logger: false });
    await next.start();
  });

  it('lets a stop() end that came while start() was about to fail', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const master = new Master({ name: 'second', address: cluster.address, logger: false });
    const failed = thrownBy(master.start());
    await Promise.resolve();
    await master.stop();
    expect(((await failed) as NodeJS.ErrnoException).code).toBe('EADDRINUSE');
  });
});

describe('an address beyond this machine', () => {
  it('is bound only where `insecure: true` says so, with one warning', async () => {
    const port = await freePort();
    const logger = keepsLines();
    await using master = new Master({ name: 'open', address: `tcp://0.0.0.0:${port}`, insecure: true, logger });
    await master.start();
    expect(logger.lines).toEqual([
      expect.stringMatching(/open can be reached by other machines at tcp:\/\/0\.0\.0\.0:\d+.*nothing is encrypted/),
    ]);
    await using worker = new Fixture({ name: 'worker', address: `tcp://127.0.0.1:${port}`, logger: false });
    await worker.start();
    await using client = new Client({ address: `tcp://127.0.0.1:${port}`, logger: false });
    expect(String(await client.call('foo', 'x'))).toBe('x');
  });
});

describe('connectTimeoutMs', () => {
  it('ends everything with ConnectError timeout where nobody answers', async () => {
    const address = await freeAddress();
    const client = new Client({ address, connectTimeoutMs: 100, logger: false });
    const closed = client.events.once('closed');
    const waiting = [client.call('foo', 'x'), collect(client.job('foo', ['x'])), client.get('x'), client.status()];
    for (const error of await Promise.all(waiting.map(thrownBy))) {
      expect(error).toBeInstanceOf(ConnectError);
      expect(error).toBeInstanceOf(GristmillError);
      expect(error).toMatchObject({ code: 'timeout', address });
      expect((error as Error).message).toBe(`${address}: no master answered within 100 ms`);
    }
    expect((await closed).error).toMatchObject({ code: 'timeout' });
    expect(await thrownBy(client.call('foo', 'x'))).toMatchObject({ code: 'timeout' });
    await client.close();
  });

  it('counts from the loss of a connection, too, and a master in time resets it', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster, { connectTimeoutMs: 2_000 });
    expect(String(await client.call('echo', 'x'))).toBe('x');
    cluster.master.kill('SIGKILL');
    await client.events.once('disconnected');
    const call = client.call('echo', 'y');
    cluster.startMaster();
    expect(String(await call)).toBe('y');
    cluster.master.kill('SIGKILL');
    expect(await thrownBy(client.call('echo', 'z'))).toMatchObject({ code: 'timeout', address: cluster.address });
  });
});

describe('another protocol version', () => {
  const hello = Buffer.from([0x47, 2, 1, 99, 98, 97]);

  it('is refused by a master, in words, counted, and nobody else is disturbed', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const dealer = new Dealer({ linger: 0 });
    dealer.connect(cluster.address);
    await dealer.send(hello);
    const [answer] = await dealer.receive();
    expect([...(answer as Buffer).subarray(0, 4)]).toEqual([0x47, 1, 4, 0]);
    expect(String(answer)).toContain('this master speaks version 1');
    dealer.close();
    await cluster.master.printed(/its version is 2, ours is 1/);
    expect(await client.status()).toMatchObject({ rejected: { 'its version is 2, ours is 1': 1 } });
    expect(await texts(client.job('echo', ['x']))).toEqual(['x']);
  });

  it('of a master ends a client with ConnectError version', async () => {
    await using processes = new Processes();
    const address = await answersWith(processes, hello);
    const client = new Client({ address, logger: false });
    for (const error of await Promise.all([thrownBy(client.call('foo', 'x')), thrownBy(collect(client.job('foo', ['x'])))])) {
      expect(error).toBeInstanceOf(ConnectError);
      expect(error).toMatchObject({ code: 'version', address });
      expect((error as Error).message).toContain('its version is 2, ours is 1');
    }
    await client.close();
  });

  it('of a master rejects the start of a worker with ConnectError version', async () => {
    await using processes = new Processes();
    const address = await answersWith(processes, hello);
    const worker = new Fixture({ name: 'worker', address, logger: false });
    const error = await thrownBy(worker.start());
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: 'version', address });
    await worker.stop();
    expect(worker.state).toBe('closed');
  });

  it('that refuses us is the same: a master of another version says so in ours', async () => {
    await using processes = new Processes();
    const text = 'this master speaks version 7';
    const address = await answersWith(processes, Buffer.from([0x47, 1, 4, 0, text.length, ...Buffer.from(text)]));
    const client = new Client({ address, logger: false });
    const error = await thrownBy(client.call('foo', 'x'));
    expect(error).toMatchObject({ code: 'version', message: `${address}: ${text}` });
    await client.close();
    const worker = new Fixture({ name: 'worker', address, logger: false });
    expect(await thrownBy(worker.start())).toMatchObject({ code: 'version', message: `${address}: ${text}` });
  });
});

describe('roundRobin', () => {
  it('refuses a worker that serves other functions than those that are there, in words', async () => {
    await using cluster = await startCluster({ policy: 'roundRobin' });
    const worker = new Fixture({ name: 'other', address: cluster.address, logger: false });
    const error = await thrownBy(worker.start());
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ code: 'refused' });
    expect((error as Error).message).toMatch(/same functions/);
    expect(await texts(clientOf(cluster).job('echo', ['x']))).toEqual(['x']);
  });
});
