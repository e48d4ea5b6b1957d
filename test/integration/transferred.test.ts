/** Memory that users gave away, and transfer elsewhere all the same. */
import { describe, expect, it } from 'vitest';
import { Client, grain, Master, type Payload, Worker } from '../../src/index.ts';
import { startMill } from '../../src/testing/index.ts';
import { collect, jobErrorOf, type Place, startPlace, texts, thrownBy, transferred, untilError } from './helpers.ts';
import { freeAddress } from './ports.ts';

const MiB = 1_048_576;
const MILL = 'memory://mill';

function large(): Uint8Array {
  return new Uint8Array(2 * MiB).fill(7);
}

/** An item that is given away as it is read, and transferred before it can be sent. */
function lostOnceRead(): { readonly payload: Uint8Array } {
  const bytes = large();
  return {
    get payload() {
      queueMicrotask(() => transferred(bytes));
      return bytes;
    },
  };
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((resolved) => (resolve = resolved));
  return { promise, resolve };
}

/** The event loop has turned. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

const lostItem = (index: number): TypeError => new TypeError(`job: item ${index}: its memory was transferred elsewhere before it was sent`);
const LOST_RESULT = 'a result cannot be told: its memory was transferred elsewhere before it was sent';

class Careless extends Worker {
  readonly given: Uint8Array[] = [];
  readonly scratch = Buffer.alloc(9);
  readonly wayOut = deferred();
  returned = 0;
  holding = 0;

  echo(message: Buffer): Buffer {
    return message;
  }

  small(): Uint8Array {
    const bytes = new Uint8Array(9).fill(7);
    queueMicrotask(() => transferred(bytes));
    return bytes;
  }

  again(message: Buffer): Buffer {
    this.scratch.fill(0);
    message.copy(this.scratch);
    return this.scratch;
  }

  large(): Uint8Array {
    const bytes = large();
    queueMicrotask(() => transferred(bytes));
    return bytes;
  }

  *steps(): Generator<Uint8Array | string> {
    try {
      yield 'first';
      const bytes = new Uint8Array(20_000);
      yield bytes;
      transferred(bytes);
      yield 'last';
    } finally {
      this.returned += 1;
    }
  }

  *many(): Generator<Uint8Array> {
    for (let i = 0; i < 30; i += 1) {
      const bytes = large();
      this.given.push(bytes);
      yield bytes;
    }
  }

  kept(): Uint8Array {
    const bytes = new Uint8Array(20_000).fill(7);
    this.given.push(bytes);
    return bytes;
  }

  /** Is slow on its way out. */
  async *holds(): AsyncGenerator<Uint8Array> {
    this.holding += 1;
    try {
      yield* this.many();
    } finally {
      await this.wayOut.promise;
      this.holding -= 1;
    }
  }

  async waits(): Promise<string> {
    await this.wayOut.promise;
    return 'at last';
  }

  beside(): string {
    return `${this.holding}`;
  }

  steal(): void {
    transferred(this.given.at(-1) as Uint8Array);
  }

  eats(message: Buffer): string {
    transferred(message);
    return 'eaten';
  }
}

async function withinOneProcess(): Promise<Place<Careless>> {
  const mill = await startMill(Careless);
  return { client: mill.client, worker: mill.workers[0] as Careless, [Symbol.asyncDispose]: () => mill.stop() };
}

describe.each([
  ['over ZeroMQ', () => startPlace(Careless)],
  ['within one process', withinOneProcess],
] as const)('%s', (_, start) => {
  it('a payload that was sent is nobody’s business', async () => {
    await using place = await start();
    const given = [large(), new Uint8Array(50_000)];
    const results = [];
    for await (const result of place.client.job('echo', given)) {
      for (const bytes of given.filter(({ length }) => length === result.length)) transferred(bytes);
      results.push(result.length);
    }
    expect(results.sort((a, b) => a - b)).toEqual([50_000, 2 * MiB]);
    expect(given.map(({ length }) => length)).toEqual([0, 0]);
    expect((await place.client.call('echo', 'still here')).toString()).toBe('still here');
  });

  it('a payload ends its stream, behind what has come, or its call, by an error that says so, and nothing else', async () => {
    await using place = await start();
    const { client } = place;
    const many = Array.from({ length: 1_000 }, (_, i) => `${i}`);
    const other = texts(client.job('echo', many, { ordered: true }));
    const came = deferred();
    async function* lossy(): AsyncGenerator<Payload | { payload: Payload }> {
      yield 'first';
      await came.promise;
      yield lostOnceRead();
    }
    const stream = client.job('echo', lossy(), { settle: true });
    const first = await stream.next();
    came.resolve();
    expect(first.value).toMatchObject({ status: 'fulfilled' });
    expect(await thrownBy(stream.next())).toEqual(lostItem(1));
    const bytes = large();
    const call = thrownBy(client.call('echo', bytes));
    transferred(bytes);
    expect(await call).toEqual(new TypeError('call: the payload: its memory was transferred elsewhere before it was sent'));
    expect(await other).toEqual(many);
    expect((await client.call('echo', 'still here')).toString()).toBe('still here');
  });

  it('results that have come and were not taken are not lost with a payload', async () => {
    await using place = await start();
    const came = deferred();
    async function* lossy(): AsyncGenerator<Payload | { payload: Payload }> {
      yield* ['0', '1', '2'];
      await came.promise;
      yield large();
      yield lostOnceRead();
    }
    const stream = place.client.job('echo', lossy(), { ordered: true });
    const first = await stream.next();
    // All that was sent before it has come back.
    await place.client.call('echo', 'a round trip');
    came.resolve();
    await turn();
    await turn();
    const { results, error } = await untilError(stream);
    expect([first.value, ...results].slice(0, 3).map(String)).toEqual(['0', '1', '2']);
    expect(error).toEqual(lostItem(4));
  });

  it('a small result is copied at once: it may be transferred, or written to again', async () => {
    await using place = await start();
    expect(await place.client.call('small', '')).toEqual(Buffer.alloc(9, 7));
    const results = await texts(place.client.job('again', ['1', '22', '333'], { ordered: true }));
    expect(results.map((text) => text.replaceAll('\0', ''))).toEqual(['1', '22', '333']);
  });

  it('a large result fails its job, and nothing else', async () => {
    await using place = await start();
    // First: behind others it might be taken back before it begins, and come again as another attempt.
    const failing = jobErrorOf(place.client.call('large', ''), 'bad-result');
    const other = collect(
      place.client.job(
        'echo',
        Array.from({ length: 1_000 }, (_, i) => `${i}`),
      ),
    );
    const error = await failing;
    expect([error.message, error.function, error.attempts]).toEqual([LOST_RESULT, 'large', 1]);
    expect(await other).toHaveLength(1_000);
  });

  it('a yielded one fails its job behind what came before, and its generator ends', async () => {
    await using place = await start();
    const steps = async (): Promise<{ results: string[]; error: unknown }> => {
      const results: string[] = [];
      try {
        for await (const result of place.client.job('steps', [''])) results.push(String(result));
        return { results, error: undefined };
      } catch (error) {
        return { results, error };
      }
    };
    // Where its worker's turn is over before it goes on, what it has yielded is sent by then, and nothing is lost.
    let tries = 1;
    let last = await steps();
    for (; last.error === undefined; tries += 1) last = await steps();
    expect(last.results).toEqual(['first']);
    expect(last.error).toMatchObject({ code: 'bad-result', message: LOST_RESULT, function: 'steps' });
    await expect.poll(() => place.worker.returned).toBe(tries);
    expect((await place.client.call('echo', 'still here')).toString()).toBe('still here');
  });

  it('a result that waits for credit fails its job when its turn comes', async () => {
    await using place = await start();
    const stream = place.client.job('many', ['']);
    const first = await stream.next();
    expect(first.value).toHaveLength(2 * MiB);
    // It yields as long as it has credit; who waits without lends its slot.
    const { given } = place.worker;
    await expect.poll(() => place.client.status()).toMatchObject({ workers: [{ lent: 1 }] });
    const before = given.length;
    place.worker.steal();
    const { results, error } = await untilError(stream);
    expect(results).toHaveLength(before - 2);
    expect(error).toMatchObject({ code: 'bad-result', message: LOST_RESULT });
    expect((await place.client.call('echo', 'still here')).toString()).toBe('still here');
  });

  it('what a function was given is its own', async () => {
    await using place = await start();
    const results = await texts(place.client.job('eats', [large(), new Uint8Array(50_000), large()]));
    expect(results).toEqual(['eaten', 'eaten', 'eaten']);
  });
});

describe('a function of which a result was lost', () => {
  it.each([
    ['its slot', undefined],
    ['its core', { cores: 1 }],
  ])('holds %s until it has ended', async (_, resources) => {
    await using mill = await startMill(Careless, { workers: 0, masterOptions: { policy: grain() } });
    const worker = await mill.addWorker({ resources: { cores: 1 } });
    const { client } = mill;
    const stream = client.job('holds', [''], { resources });
    expect((await stream.next()).value).toHaveLength(2 * MiB);
    await expect.poll(() => client.status()).toMatchObject({ streams: [{ waitingForCredit: 1 }] });
    worker.steal();
    expect((await untilError(stream)).error).toMatchObject({ code: 'bad-result', message: LOST_RESULT });
    const beside = client.call('beside', '', { resources });
    await expect.poll(() => client.status()).toMatchObject({ queued: 1, workers: [{ abandoned: 1 }] });
    expect(worker.holding).toBe(1);
    worker.wayOut.resolve();
    expect((await beside).toString()).toBe('0');
    await expect.poll(() => client.status()).toMatchObject({ workers: [{ running: 0, abandoned: 0, allocated: 0 }] });
  });
});

describe('a payload that waits', () => {
  it('for a master ends its stream when there is one, and nothing else', async () => {
    const address = await freeAddress();
    await using client = new Client<Careless>({ address, logger: false });
    const bytes = large();
    const lost = untilError(client.job('echo', ['0', bytes, '2']));
    const other = texts(client.job('echo', ['a', 'b'], { ordered: true }));
    await turn();
    transferred(bytes);
    await using master = new Master({ name: 'master', address, logger: false });
    await master.start();
    await using worker = new Careless({ name: 'worker', address, logger: false });
    await worker.start();
    expect((await lost).error).toEqual(lostItem(1));
    expect(await other).toEqual(['a', 'b']);
  });

  it('for another master, since the first is gone, does, too', async () => {
    const address = await freeAddress();
    await using client = new Client<Careless>({ address, logger: false });
    const first = new Master({ name: 'first', address, logger: false });
    await first.start();
    const bytes = large();
    const lost = untilError(client.job('echo', [bytes]));
    const other = texts(client.job('echo', ['a', 'b'], { ordered: true }));
    await expect.poll(() => first.status().queued).toBe(3);
    await first.stop({ deadlineMs: 0 });
    transferred(bytes);
    await using second = new Master({ name: 'second', address, logger: false });
    await second.start();
    await using worker = new Careless({ name: 'worker', address, logger: false });
    await worker.start();
    expect((await lost).error).toEqual(lostItem(0));
    expect(await other).toEqual(['a', 'b']);
  });
});

describe('a message that is to be sent again', () => {
  it('of a job that has ended is needed by nobody: the session goes on', async () => {
    await using mill = await startMill(Careless);
    const [worker] = mill.workers as [Careless];
    const how: string[] = [];
    worker.events.on('connected', (event) => how.push(event.how));
    mill.client.events.on('connected', (event) => how.push(event.how));
    const bytes = large();
    expect(await mill.client.call('echo', bytes)).toHaveLength(2 * MiB);
    await mill.client.call('kept', '');
    worker.steal();
    transferred(bytes);
    mill.network.cut();
    expect((await mill.client.call('echo', 'still here')).toString()).toBe('still here');
    await expect.poll(() => how).toEqual(['resumed', 'resumed']);
  });

  it('of a client: another session begins, in which its stream ends, and the others go on', async () => {
    await using mill = await startMill(Careless);
    const how: string[] = [];
    mill.client.events.on('connected', (event) => how.push(event.how));
    await mill.client.status();
    const bytes = large();
    mill.network.hold(MILL, 'in', 'messages');
    const lost = untilError(mill.client.job('echo', [bytes]));
    const other = texts(mill.client.job('echo', ['a', 'b'], { ordered: true }));
    await turn();
    mill.network.cut();
    transferred(bytes);
    mill.network.release(MILL, 'in');
    expect((await lost).error).toEqual(lostItem(0));
    expect(await other).toEqual(['a', 'b']);
    expect(how.at(-1)).toBe('anew');
  });

  it('of a worker: another session begins, in which its parts run again', async () => {
    await using mill = await startMill(Careless, { masterOptions: { crashLimit: 1 }, slots: 2 });
    const [worker] = mill.workers as [Careless];
    const how: string[] = [];
    worker.events.on('connected', (event) => how.push(event.how));
    // It is there all the time, and is not to blame.
    const innocent = mill.client.call('waits', '');
    const reports = `${MILL}.pull`;
    const went = deferred();
    async function* two(): AsyncGenerator<string> {
      yield '0';
      await went.promise;
      yield '1';
    }
    const stream = mill.client.job('kept', two());
    // With the first, the stream gets credit for as many bytes.
    expect((await stream.next()).value).toHaveLength(20_000);
    mill.network.hold(reports, 'in', 'messages');
    went.resolve();
    const [second, other] = [stream.next(), texts(mill.client.job('echo', ['a', 'b'], { ordered: true }))];
    await expect.poll(() => worker.given.length).toBe(2);
    await turn();
    await turn();
    worker.steal();
    mill.network.cut();
    mill.network.release(reports, 'in');
    expect((await second).value).toEqual(Buffer.alloc(20_000, 7));
    expect(await other).toEqual(['a', 'b']);
    expect(worker.given).toHaveLength(3);
    worker.wayOut.resolve();
    expect((await innocent).toString()).toBe('at last');
    expect(how.at(-1)).toBe('anew');
  });
});
