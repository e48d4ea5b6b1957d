/** Workers that listen, and masters that dial them: real processes, real connections, and what goes wrong with them. */
import { describe, expect, it } from 'vitest';
import { startProxy } from '../chaos/proxy.ts';
import { Client, ConnectError, Master, Worker } from '../../src/index.ts';
import { MemoryNetwork } from '../../src/testing/index.ts';
import { clientOf, collect, expectEach, jobs, texts, thrownBy } from './helpers.ts';
import { freeAddress, freePort } from './ports.ts';
import { Processes, type Running } from './processes.ts';

/** A master that dials workers, each a process. */
class Farm extends Processes {
  readonly address: string;
  readonly workers: Running[] = [];
  readonly #dials: string[];
  readonly #policy: string;
  master: Running;

  constructor(address: string, dials: string[], policy: string) {
    super();
    this.address = address;
    this.#dials = dials;
    this.#policy = policy;
    this.master = this.startMaster();
  }

  startMaster(address: string = this.address, options: object = {}): Running {
    const args = [address, this.#policy, JSON.stringify(options), this.#dials.join(',')];
    return (this.master = this.node('test/integration/fixtures/master.mjs', args));
  }

  /** Starts a worker that listens, as process number `at`. */
  startWorker(at: number, address: string): Running {
    const worker = this.node('test/integration/fixtures/worker.mjs', [`worker${at + 1}`, address, '2', 'listens']);
    this.workers[at] = worker;
    return worker;
  }
}

interface Started {
  readonly farm: Farm;
  readonly listens: readonly string[];
}

/** The master is there first: whom it dials is not up yet. `through`: the master dials there instead. */
async function start(count: number, policy = 'leastLoaded', through?: readonly string[], at?: readonly string[]): Promise<Started> {
  const listens = at ?? (await Promise.all(Array.from({ length: count }, freeAddress)));
  const farm = new Farm(await freeAddress(), [...(through ?? listens)], policy);
  await farm.master.printed(/^listening/);
  listens.forEach((address, i) => farm.startWorker(i, address));
  await farm.master.printed(/^workerJoined/, count);
  return { farm, listens };
}

/** Streams jobs; at the result of this number something happens. */
async function streamed(farm: Farm, name: string, count: number, at: number, happens: () => void): Promise<string[]> {
  const results: string[] = [];
  for await (const result of clientOf(farm).job(name, jobs(count))) {
    results.push(result.toString());
    if (results.length === at) happens();
  }
  return results;
}

describe.each(['leastLoaded', 'roundRobin'])('with %s', (policy) => {
  it('workers that are dialled before they are up: every result once, from both', async () => {
    const { farm } = await start(2, policy);
    await using _ = farm;
    expectEach(await streamed(farm, 'echo', 20_000, 1, () => undefined), jobs(20_000));
    const names = new Set((await texts(clientOf(farm).job('foo', jobs(200)))).map((text) => text.split(' ')[0]));
    expect(names).toEqual(new Set(['worker1', 'worker2']));
  });

  it.each(['echo', 'briefly'])(
    'a worker that is killed in the midst of a stream of %s, and comes again: every result once',
    async (name) => {
      const { farm, listens } = await start(2, policy);
      await using _ = farm;
      const count = name === 'echo' ? 20_000 : 1_000;
      const results = await streamed(farm, name, count, 300, () => {
        farm.workers[0]?.kill('SIGKILL');
        void farm.workers[0]?.ended.then(() => farm.startWorker(0, listens[0] as string));
      });
      expectEach(results, jobs(count));
      await farm.master.printed(/^workerLost {"name":"worker1","reason":"lost"}/);
      await farm.master.printed(/^workerJoined/, 3);
    },
  );

  it.each(['echo', 'briefly'])(
    'the master is killed in the midst of a stream of %s, and another dials: every result once',
    async (name) => {
      const { farm } = await start(2, policy);
      await using _ = farm;
      const count = name === 'echo' ? 20_000 : 1_000;
      const results = await streamed(farm, name, count, 300, () => {
        farm.master.kill('SIGKILL');
        void farm.master.ended.then(() => farm.startMaster());
      });
      expectEach(results, jobs(count));
      await farm.master.printed(/^workerJoined/, 2);
      // Its predecessor's death was not heard of first, perhaps; that is no second master.
      expect(farm.master.out).not.toMatch(/serves another/);
    },
  );
});

it('the worker is alone, and its connection is cut at any byte, again and again: every result once', async () => {
  const port = await freePort();
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port });
  const { farm } = await start(1, 'leastLoaded', [proxy.address], [`tcp://127.0.0.1:${port}`]);
  await using _ = farm;
  let going = true;
  const cut = (i: number): Promise<void> =>
    proxy.cutAfter(1 + ((i * 7_919) % 20_000), i % 2 === 0 ? 'up' : 'down').then(() => (going ? cut(i + 1) : undefined));
  void cut(0);
  expectEach(await streamed(farm, 'echo', 20_000, 1, () => undefined), jobs(20_000));
  going = false;
  expect(proxy.connections).toBeGreaterThan(3);
  expect(farm.master.out).not.toMatch(/serves another/);
});

it('a connection of which only the master hears that it is gone: it takes its seat again, and no work is done twice', async () => {
  const port = await freePort();
  await using proxy = await startProxy({ host: '127.0.0.1', port: 0 }, { host: '127.0.0.1', port });
  const { farm } = await start(1, 'leastLoaded', [proxy.address], [`tcp://127.0.0.1:${port}`]);
  await using _ = farm;
  const results = await streamed(farm, 'briefly', 500, 100, () => {
    // What the master sends is swallowed from now on: its pings, too. The worker hears of nothing.
    proxy.swallow('up');
    setTimeout(() => void proxy.heal(), 100);
  });
  expectEach(results, jobs(500));
  expect(proxy.connections).toBeGreaterThan(1);
  expect(farm.master.out).not.toMatch(/serves another/);
});

describe('in order', () => {
  it('a worker that is asked to stop (SIGTERM) finishes what runs, hands back the rest, and exits with 0', async () => {
    const { farm } = await start(2);
    await using _ = farm;
    expectEach(await streamed(farm, 'briefly', 1_000, 200, () => farm.workers[0]?.kill('SIGTERM')), jobs(1_000));
    expect(await farm.workers[0]?.ended).toEqual({ code: 0, signal: null });
    await farm.master.printed(/^workerLost {"name":"worker1","reason":"left"}/);
  });

  it('a worker that is asked to stop before any master came exits with 0', async () => {
    await using processes = new Processes();
    const worker = processes.node('test/integration/fixtures/worker.mjs', ['worker1', 'tcp://127.0.0.1:*', '1', 'listens']);
    await worker.printed(/^welcomed/);
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  });

  it('a master that is asked to stop lets the stream end, and the worker serves the next one', async () => {
    const { farm } = await start(1);
    await using _ = farm;
    const first = farm.master;
    expectEach(await streamed(farm, 'briefly', 500, 100, () => first.kill('SIGTERM')), jobs(500));
    expect(await first.ended).toEqual({ code: 0, signal: null });
    farm.startMaster();
    expect(await texts(clientOf(farm).job('echo', ['again']))).toEqual(['again']);
  });
});

it('a second master is told that the worker serves another, and is next when that is gone', async () => {
  const { farm, listens } = await start(1);
  await using _ = farm;
  const first = farm.master;
  const second = farm.startMaster(await freeAddress());
  await second.printed(/^rejected .*worker worker1 serves another master, and one at a time/);
  await second.printed(new RegExp(`rejected a message from ${listens[0]}: worker worker1 serves another master`));
  expect(await texts(clientOf(farm).job('echo', ['still the first']))).toEqual(['still the first']);
  first.kill('SIGKILL');
  await second.printed(/^workerJoined {"name":"worker1"/);
});

it('a client that takes a worker for a master is told so', async () => {
  const { farm, listens } = await start(1);
  await using _ = farm;
  const error = await thrownBy(clientOf(Object.assign(farm, { address: listens[0] })).call('echo', 'x'));
  expect(error).toBeInstanceOf(ConnectError);
  expect((error as ConnectError).message).toContain(`worker worker1 is no master: a master dials it, with master.dial('${listens[0]}')`);
});

it('large payloads, many results, the cache and nested calls go over the one connection as well', async () => {
  const { farm } = await start(1);
  await using _ = farm;
  const client = clientOf(farm);
  const large = Buffer.alloc(9_000_000, 'grist');
  expect((await client.call('echo', large)).equals(large)).toBe(true);
  await client.set('meal', 'key');
  expect(String(await client.call('cached', 'key'))).toBe('<meal>');
  expect(String(await client.call('nested', '3'))).toBe('3 2 1 bottom');
  expect((await collect(client.job('count', ['20000']))).length).toBe(20_000);
});

describe('undial', () => {
  it('the worker finishes what it has begun, the rest runs elsewhere, and another master can have it', async () => {
    const { farm, listens } = await start(2);
    await using _ = farm;
    farm.master.kill('SIGKILL');
    await farm.master.ended;
    const master = farm.uses(new Master({ name: 'here', address: farm.address, logger: false }));
    const [first, second] = listens as [string, string];
    await master.start();
    const joined = [master.events.once('workerJoined'), master.events.once('workerJoined')];
    master.dial(first);
    master.dial(second);
    expect(() => master.dial(second)).toThrow(new Error(`dial: ${second} is dialled already`));
    await Promise.all(joined);
    const lost: unknown[] = [];
    master.events.on('workerLost', (what) => lost.push(what));
    let undialled: Promise<void> | undefined;
    const undial = (): void => {
      undialled = master.undial(first);
    };
    expectEach(await streamed(farm, 'briefly', 800, 100, undial), jobs(800));
    await undialled;
    expect(lost).toEqual([{ name: expect.stringMatching(/^worker[12]$/) as string, reason: 'left' }]);
    expect(master.status().workers.length).toBe(1);
    await expect(master.undial(first)).rejects.toThrow(`undial: ${first} is not dialled`);
    const again = master.events.once('workerJoined');
    master.dial(first);
    await again;
  });

  it('what it has not finished at the deadline runs elsewhere', async () => {
    const { farm, listens } = await start(1);
    await using _ = farm;
    farm.master.kill('SIGKILL');
    await farm.master.ended;
    const master = farm.uses(new Master({ name: 'here', address: farm.address, logger: false }));
    master.dial(listens[0] as string);
    const joined = master.events.once('workerJoined');
    await master.start();
    await joined;
    const result = clientOf(farm).call('waits', 'for ever');
    await farm.workers[0]?.printed(/^waits for ever/);
    await master.undial(listens[0] as string, { deadlineMs: 50 });
    await farm.workers[0]?.printed(/^aborted for ever/);
    expect(master.status()).toMatchObject({ queued: 1, placed: 0, workers: [] });
    await expect(Promise.race([result, Promise.resolve('open')])).resolves.toBe('open');
    await master.stop({ deadlineMs: 0 });
    void result.catch(() => undefined);
  });
});

describe('the addresses', () => {
  class Echo extends Worker {
    echo(message: Buffer): Buffer {
      return message;
    }
  }

  it('a worker listens at a port that is free, says which, and refuses one that is taken', async () => {
    await using first = new Echo({ name: 'first', listen: 'tcp://127.0.0.1:*', logger: false });
    await first.start();
    expect(first.address).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const second = new Echo({ name: 'second', listen: first.address, logger: false });
    const error = (await thrownBy(second.start())) as NodeJS.ErrnoException;
    expect(error.message).toBe(`cannot bind ${first.address}: the address is in use (EADDRINUSE)`);
    expect(error.code).toBe('EADDRINUSE');
  });

  it.each([
    ['nowhere', TypeError, "dial: address: expected 'tcp://host:port' or 'ipc://path', got 'nowhere'"],
    ['tcp://127.0.0.1:*', RangeError, "dial: address: expected a port to dial, got 'tcp://127.0.0.1:*'"],
    ['tcp://*:4242', RangeError, "dial: address: expected a host to dial, got 'tcp://*:4242'"],
  ])('a master does not dial %s', async (address, kind, message) => {
    await using master = new Master({ name: 'master', address: 'tcp://127.0.0.1:*', logger: false });
    const dial = (): void => master.dial(address);
    expect(dial).toThrow(kind);
    expect(dial).toThrow(message);
    await master.stop();
    expect(() => master.dial('tcp://127.0.0.1:4242')).toThrow('dial: the master was stopped');
  });

  it('within one process, over the memory transport', async () => {
    const transport = new MemoryNetwork().transport();
    const common = { transport, logger: false } as const;
    await using worker = new Echo({ name: 'worker', listen: 'memory://worker', ...common });
    await using master = new Master({ name: 'master', address: 'memory://master', ...common });
    master.dial('memory://worker');
    await master.start();
    await worker.start();
    await using client = new Client({ address: 'memory://master', ...common });
    expectEach(await texts(client.job('echo', jobs(3_000))), jobs(3_000));
  });
});
