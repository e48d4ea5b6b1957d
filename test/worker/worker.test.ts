import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ClosedError, ConnectError } from '../../src/errors.ts';
import { MAGIC } from '../../src/protocol/messages.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { Worker, type WorkerOptions } from '../../src/worker/worker.ts';
import { settled } from './rig.ts';
import { ADDRESS, FakeMaster, type FakeOptions } from './fake_master.ts';

class Mill extends Worker {
  readonly begun: string[] = [];
  end: () => void = () => undefined;

  foo(message: Buffer): string {
    return `${this.name} processed ${message.toString()}`;
  }

  /** Ends when the test says so. */
  async slow(message: Buffer): Promise<Buffer> {
    this.begun.push(message.toString());
    await new Promise<void>((resolve) => {
      this.end = resolve;
    });
    return message;
  }

  async cached(message: Buffer): Promise<Buffer | undefined> {
    return await this.get(message.toString());
  }

  async quits(): Promise<string> {
    void this.stop();
    return 'done';
  }
}

/** Resolves in the turn of the event loop in which it has become so. */
async function when(test: () => boolean): Promise<void> {
  while (!test()) await settled();
}

interface World extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly master: FakeMaster;
  readonly worker: Mill;
}

function mill(network: MemoryNetwork, options: Partial<WorkerOptions> = {}): Mill {
  return new Mill({ name: 'w', address: ADDRESS, transport: network.transport(), logger: false, ...options });
}

/** A worker that a master has welcomed. */
async function world(fake: Omit<FakeOptions, 'transport'> = {}, options: Partial<WorkerOptions> = {}): Promise<World> {
  const network = new MemoryNetwork();
  const master = await FakeMaster.start({ transport: network.transport(), ...fake });
  const worker = mill(network, options);
  await worker.start();
  const end = async (): Promise<void> => {
    await worker.stop({ deadlineMs: 0 });
    await master.stop();
  };
  return { network, master, worker, [Symbol.asyncDispose]: end };
}

describe('a worker', () => {
  it('says hello with its name, its functions and its slots, and is started when it is welcomed', async () => {
    await using w = await world({}, { slots: 3 });
    expect(w.master.hellos).toMatchObject([{ role: 'worker', name: 'w', functions: ['foo', 'slow', 'cached', 'quits'], slots: 3 }]);
    expect(w.worker.state).toBe('serving');
  });

  it('runs parts that come over the ROUTER and by PUSH; the end of a quick one says that it came', async () => {
    await using w = await world({ welcome: { pushAt: 'push' } });
    // A clock that goes on only when it is looked at: a busy machine interrupts functions, and who looked slow is not trusted for long.
    let clockMs = performance.now();
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => (clockMs += 0.001));
    onTestFinished(() => clock.mockRestore());
    w.master.give('foo', { 1: 'a', 2: 'b' });
    await w.master.ended(2);
    w.master.give('foo', { 3: 'c' }, {}, true);
    await w.master.ended(3);
    expect([...w.master.results.values()]).toEqual([['w processed a'], ['w processed b'], ['w processed c']]);
    // A turn that took 2 ms, as the first may, has the next part accepted before it begins.
    const accepted = (): number[] => w.master.records.flatMap((record) => (record.kind === 'accepted' ? [...record.keys] : []));
    let pushed = 3;
    for (; accepted().includes(pushed) && pushed < 50; pushed += 1) {
      w.master.give('foo', { [pushed + 1]: 'd' }, {}, true);
      await w.master.ended(pushed + 1);
    }
    expect(accepted()).not.toContain(pushed);
    expect(accepted().every((key) => key >= 3)).toBe(true);
  });

  it('gives back what is taken back right behind it, however quiet it was before', async () => {
    await using w = await world();
    for (let key = 1; key <= 5; key += 1) {
      w.master.give('foo', { [key]: 'a' });
      await w.master.ended(key);
      await settled();
    }
    w.master.give('foo', { 6: 'b' });
    w.master.tell({ kind: 'revoke', keys: [6] });
    await when(() => w.master.returned.length > 0);
    expect(w.master.returned).toEqual([6]);
    expect(w.master.results.has(6)).toBe(false);
  });

  it('reaches the cache, in its functions and outside of them', async () => {
    await using w = await world();
    w.master.give('cached', { 1: 'key' });
    await w.master.ended(1);
    expect(w.master.results.get(1)).toEqual(['value of key']);
    expect(await w.worker.get('none')).toBeUndefined();
    expect(await w.worker.delete('none')).toBe(false);
    expect(await w.worker.set('value', 'key')).toBe('key');
  });

  it('loses nothing when its connections break', async () => {
    await using w = await world();
    w.master.give('slow', { 1: 'a' });
    await when(() => w.worker.begun.length === 1);
    const back = w.worker.events.once('connected');
    w.network.cut();
    w.worker.end();
    expect(await back).toEqual({ master: 'm', address: ADDRESS, how: 'resumed' });
    w.master.give('foo', { 2: 'b' });
    await w.master.ended(2);
    expect(w.master.results.get(1)).toEqual(['a']);
  });

  it('serves another master at other ports, and tells it nothing of what it did for the old one', async () => {
    await using w = await world();
    w.master.give('slow', { 1: 'a', 2: 'b' });
    await when(() => w.worker.begun.length === 1);
    const { end } = w.worker;
    const back = w.worker.events.once('connected');
    await w.master.stop();
    const welcome = { epoch: '00000000000000e2', pullAt: 'elsewhere' };
    const other = await FakeMaster.start({ transport: w.network.transport(), welcome });
    expect(await back).toMatchObject({ how: 'anew' });
    other.give('foo', { 1: 'c' });
    end();
    await other.ended(1);
    expect([...other.results]).toEqual([[1, ['w processed c']]]);
    expect(w.worker.begun).toEqual(['a']);
    await other.stop();
  });

  it('tells the story of what it ran', async () => {
    await using w = await world();
    w.master.give('foo', { 7: 'a', 8: 'b' });
    await w.master.ended(8);
    expect(w.worker.story(8).join('\n')).toMatch(/"kind":"parts"[\s\S]*"type":"run"[\s\S]*"type":"ran"[\s\S]*"kind":"outcomes"/);
    expect(w.worker.story('c/1', 1)).toEqual(w.worker.story(8));
    expect(w.worker.story(9)).toEqual([]);
  });

  it('takes no harm from bytes that are not ours, and says so once', async () => {
    const lines: string[] = [];
    const warn = (line: string): void => void lines.push(line);
    await using w = await world({}, { logger: { info: warn, warn, error: warn } });
    for (let i = 0; i < 3; i += 1) w.master.shout(Buffer.from('GET / HTTP/1.1'));
    w.master.give('foo', { 1: 'a' });
    await w.master.ended(1);
    expect(lines).toEqual([`worker w: from ${ADDRESS}: rejected: its version is 69, ours is 1`]);
  });
});

describe('a worker that stops', () => {
  it('finishes what runs, gives back what does not, says goodbye last, and is closed', async () => {
    await using w = await world();
    w.master.give('slow', { 1: 'a', 2: 'b' });
    await when(() => w.worker.begun.length === 1);
    const closed = w.worker.events.once('closed');
    const stopped = w.worker.stop();
    await w.master.until(() => w.master.kinds().includes('leaving'));
    expect([w.worker.state, w.master.returned]).toEqual(['stopping', [2]]);
    w.worker.end();
    await stopped;
    expect(await closed).toEqual({ error: undefined });
    expect(w.master.results.get(1)).toEqual(['a']);
    await w.master.until(() => w.master.kinds().at(-1) === 'goodbye');
    expect(w.worker.state).toBe('closed');
    await expect(w.worker.get('key')).rejects.toThrow(ClosedError);
  });

  it('goes at its deadline whatever runs, and a later call may make that sooner', async () => {
    await using w = await world();
    w.master.give('slow', { 1: 'a' });
    await when(() => w.worker.begun.length === 1);
    const stopped = w.worker.stop();
    await w.worker.stop({ deadlineMs: 0 });
    await stopped;
    await w.master.until(() => w.master.kinds().at(-1) === 'goodbye');
    expect(w.master.results.size).toBe(0);
  });

  it('may be told so by one of its functions', async () => {
    await using w = await world();
    const closed = w.worker.events.once('closed');
    w.master.give('quits', { 1: 'a', 2: 'b' });
    await closed;
    expect(w.master.results.get(1)).toEqual(['done']);
    expect(w.master.returned).toEqual([2]);
  });

  it('before it is started, or welcomed, is closed at once', async () => {
    const network = new MemoryNetwork();
    await mill(network).stop();
    const worker = mill(network);
    const started = worker.start();
    await Promise.all([expect(started).rejects.toThrow(ClosedError), worker.stop()]);
    await worker[Symbol.asyncDispose]();
  });

  it('takes its signal handlers away; without being asked it installs none', async () => {
    const count = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT');
    const before = count();
    await using w = await world();
    expect(count()).toBe(before);
    const worker = mill(w.network);
    await worker.start({ signals: true });
    expect(count()).toBe(before + 2);
    await worker.stop({ deadlineMs: 0 });
    expect(count()).toBe(before);
  });
});

describe('a worker without a master', () => {
  it.each([
    ['so once', undefined, ''],
    ['what is wrong with the address', 'there is no such host', ': there is no such host'],
  ])('waits, and says %s', async (_what, trouble, why) => {
    const network = new MemoryNetwork();
    const transport = { ...network.transport(), trouble: () => trouble };
    let said: (line: string) => void = () => undefined;
    const line = new Promise<string>((resolve) => {
      said = resolve;
    });
    const logger = { info: said, warn: (text: string): void => said(text), error: said };
    const worker = mill(network, { logger, transport });
    const started = worker.start();
    expect(await line).toBe(`waiting for a master at ${ADDRESS}${why}`);
    const master = await FakeMaster.start({ transport: network.transport() });
    await started;
    await worker.stop();
    await master.stop();
  });

  it.each([
    ['refused', { refuse: 'functions' as const }, 'refused', `${ADDRESS}: not you`],
    ['of another version', { answers: false }, 'version', `${ADDRESS}: its version is 9, ours is 1`],
  ])('is told when it is %s', async (_, fake, code, message) => {
    const network = new MemoryNetwork();
    const master = await FakeMaster.start({ transport: network.transport(), ...fake });
    const worker = mill(network);
    const started = worker.start();
    if (code === 'version') {
      await master.until(() => master.hellos.length > 0);
      master.shout(Buffer.from([MAGIC, 9, 4]));
    }
    await expect(started).rejects.toThrow(ConnectError);
    await expect(started).rejects.toMatchObject({ code, message, address: ADDRESS });
    await worker.stop();
    expect(worker.state).toBe('closed');
    await master.stop();
  });

  it.each([
    [{ name: '' }, RangeError, "Worker: name: expected a string that is not empty, got ''"],
    [{ name: 5 }, TypeError, 'Worker: name: expected a string, got 5'],
    [
      { address: 'here' },
      TypeError,
      "Worker: address: expected 'tcp://host:port', 'ipc://path', 'redis://host:port' or 'nats://host:port', got 'here'",
    ],
    [{ address: 'tcp://127.0.0.1:*' }, RangeError, 'expected a port to dial'],
    [{ listen: 'tcp://127.0.0.1:*' }, TypeError, 'Worker: expected an address to dial or one to listen at, got both'],
    [{ address: undefined, listen: 'here' }, TypeError, "Worker: listen: expected 'tcp://host:port' or 'ipc://path', got 'here'"],
    [{ address: undefined, listen: 'tcp://*:4242' }, RangeError, "Worker: listen: other machines could reach 'tcp://*:4242'"],
    [{ insecure: 'yes' }, TypeError, 'Worker: insecure: expected true or false'],
    [{ slots: 0 }, RangeError, 'Worker: slots: expected a whole number from 1 to 65536, got 0'],
    [{ maxParked: -1 }, RangeError, 'Worker: maxParked'],
    [{ drainTimeoutMs: 'x' }, TypeError, 'Worker: drainTimeoutMs'],
    [{ historyLimit: 0 }, RangeError, 'Worker: historyLimit'],
    [{ logger: true }, TypeError, 'logger: expected false or an object'],
    [{ slot: 1 }, TypeError, "unknown option 'slot'"],
  ])('is refused with wrong options: %o', (wrong, kind, message) => {
    const build = (): Mill => mill(new MemoryNetwork(), wrong as Partial<WorkerOptions>);
    expect(build).toThrow(kind);
    expect(build).toThrow(message);
  });

  it('is started once', async () => {
    await using w = await world();
    await expect(w.worker.start()).rejects.toThrow("start: worker 'w' was started already");
    await expect(w.worker.start({ signal: true } as object)).rejects.toThrow("unknown option 'signal'");
  });
});
