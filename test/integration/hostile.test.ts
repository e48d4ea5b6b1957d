/** What users' code throws or gives may be anything, also what cannot be looked at: it ends its own job, and nothing else. */
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Master, Message, Worker } from '../../src/index.ts';
import { startMill } from '../../src/testing/index.ts';
import { collect, thrownBy } from './helpers.ts';
import { ROOT, Running, startCluster } from './processes.ts';

function no(): never {
  throw new Error('not to be looked at');
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** By what a payload calls them; made where they are used, since a promise that rejects is heard by nobody else. */
const THINGS: Readonly<Record<string, () => unknown>> = {
  'a revoked proxy': revoked,
  'a proxy that throws': () => new Proxy({}, { get: no, has: no, getPrototypeOf: no, ownKeys: no }),
  'a proxy without a prototype': () => new Proxy({}, { getPrototypeOf: no }),
  'getters that throw': () =>
    Object.defineProperties({}, Object.fromEntries(['then', 'constructor', 'next'].map((name) => [name, { get: no }]))),
  'an error with getters that throw': () => Object.defineProperties(new Error('x'), { stack: { get: no }, message: { get: no } }),
  'a symbol': () => Symbol('s'),
  'a promise that rejects': () => Promise.reject(new Error('of nobody')),
  'a promise with a then of its own': () =>
    Object.assign(Promise.reject(new Error('of nobody')), Object.fromEntries(['then'].map((name) => [name, 5]))),
  'a promise with a getter that throws': () => Object.defineProperty(Promise.resolve(), 'constructor', { get: no }),
  'bytes of another realm': () => runInNewContext('new Uint8Array([1, 2, 3])') as unknown,
  'a proxy of bytes': () => new Proxy(new Uint8Array(3), {}),
  'a proxy of many bytes': () => new Proxy(new Uint8Array(20_000), { get: (bytes, name) => Reflect.get(bytes, name) as unknown }),
  'bytes with a length that throws': () => Object.defineProperty(new Uint8Array(3), 'length', { get: no }),
  'bytes with a length that lies': () => Object.defineProperty(new Uint8Array(3), 'length', { value: 1_000 }),
  'bytes with a byteLength that lies': () => Object.defineProperty(new Uint8Array(3), 'byteLength', { value: 200 }),
  'bytes with a byteLength of text': () => Object.defineProperty(new Uint8Array(3), 'byteLength', { value: 'x' }),
  'bytes with a subarray of their own': () => Object.assign(new Uint8Array(200), { subarray: () => new Uint8Array(200_000) }),
  'many bytes with a subarray of their own': () => Object.assign(new Uint8Array(200_000), { subarray: no }),
  'many bytes with a constructor of their own': () =>
    Object.defineProperty(new Uint8Array(2_000_000), 'constructor', { value: { [Symbol.species]: no } }),
  'bytes with a buffer of their own': () => Object.defineProperty(new Uint8Array(200_000), 'buffer', { value: new ArrayBuffer(9) }),
  'bytes without a prototype to be seen': () => Object.setPrototypeOf(new Uint8Array(3), new Proxy({}, { getPrototypeOf: no })) as unknown,
  'no bytes': () => Object.create(Uint8Array.prototype) as unknown,
  'no message': () => Object.create(Message.prototype) as unknown,
  'a message for no function': () => Object.assign(Object.create(Message.prototype), { payload: Buffer.from('x') }) as unknown,
  'a message without bytes': () => Object.assign(Object.create(Message.prototype), { payload: [1], function: 'echo' }) as unknown,
};

const made = (name: Buffer): unknown => (THINGS[name.toString()] as () => unknown)();

class Hostile extends Worker {
  echo(message: Buffer): Buffer {
    return message;
  }

  throws(message: Buffer): never {
    throw made(message);
  }

  async throwsLater(message: Buffer): Promise<never> {
    await Promise.resolve();
    throw made(message);
  }

  *throwsAfterOne(message: Buffer): Generator<string> {
    yield 'one';
    throw made(message);
  }

  returns(message: Buffer): string {
    return made(message) as string;
  }

  async returnsLater(message: Buffer): Promise<string> {
    await Promise.resolve();
    return made(message) as string;
  }

  *yields(message: Buffer): Generator<string> {
    yield made(message) as string;
  }

  async *yieldsLater(message: Buffer): AsyncGenerator<string> {
    yield made(message) as string;
  }

  /** Its steps, and what it says when it is ended, are such things. */
  steps(message: Buffer): IterableIterator<string> {
    const iterator = { next: () => made(message), return: () => made(message), [Symbol.iterator]: () => iterator };
    return iterator as unknown as IterableIterator<string>;
  }
}

class HostileMaster extends Master {
  *#does(text: string): Generator<Message> {
    const [, what = '', name = ''] = /^(\w+) (.*)$/.exec(text) ?? [];
    if (what === 'throws') throw THINGS[name]?.();
    yield THINGS[name]?.() as Message;
  }

  override *scatter(message: Message): Generator<Message> {
    if (message.payload.toString().startsWith('scatter ')) yield* this.#does(message.payload.toString().slice(8));
    else yield message;
  }

  override *gather(message: Message): Generator<Message> {
    if (message.payload.toString().startsWith('gather ')) yield* this.#does(message.payload.toString().slice(7));
    else yield message;
  }
}

const FUNCTIONS = ['throws', 'throwsLater', 'throwsAfterOne', 'returns', 'returnsLater', 'yields', 'yieldsLater', 'steps'] as const;
const names = Object.keys(THINGS);

describe('a function', () => {
  it.each(FUNCTIONS)('that %s whatever it may be fails its job, and its worker serves the next', async (fn) => {
    await using mill = await startMill(Hostile);
    for (const name of names) {
      const settled = await collect(mill.client.job(fn, [name], { settle: true }));
      const [last] = settled.slice(-1);
      expect([name, last?.status, last?.status === 'rejected' && last.reason.code]).toEqual([
        name,
        'rejected',
        expect.stringMatching(/^(?:function-threw|bad-result)$/),
      ]);
      expect(String(await mill.client.call('echo', name))).toBe(name);
    }
  });
});

describe('a master', () => {
  it.each(['scatter throws', 'scatter yields', 'gather throws', 'gather yields'])('whose %s whatever it may be goes on', async (how) => {
    await using mill = await startMill(Hostile, { master: HostileMaster });
    for (const name of names) {
      const error = await thrownBy(mill.client.call('echo', `${how} ${name}`));
      expect([name, error]).toMatchObject([name, { code: 'function-threw', phase: how.split(' ')[0] }]);
      expect(String(await mill.client.call('echo', name))).toBe(name);
    }
  });

  it.each(names)('ends a scatter that yields %s', async (name) => {
    const ended: string[] = [];
    class Scatters extends Master {
      override *scatter(message: Message): Generator<Message> {
        try {
          yield THINGS[name]?.() as Message;
        } finally {
          ended.push(message.payload.toString());
        }
      }
    }
    await using mill = await startMill(Hostile, { master: Scatters });
    expect(await thrownBy(mill.client.call('echo', 'it'))).toMatchObject({ code: 'function-threw', phase: 'scatter' });
    expect(ended).toEqual(['it']);
  });
});

describe('a source', () => {
  // A message is an item, too, if it has bytes.
  it.each(names.filter((name) => name !== 'a message for no function'))(
    'that yields %s ends its stream, and the client goes on',
    async (name) => {
      await using mill = await startMill(Hostile);
      const error = await thrownBy(collect(mill.client.job('echo', [THINGS[name]?.() as string])));
      expect(error).toBeInstanceOf(Error);
      expect(String(await mill.client.call('echo', name))).toBe(name);
    },
  );

  it.each([
    ['whose iterator is a number', { [Symbol.iterator]: () => 5 }, "job: expected the payloads' iterator to have a next(), got 5"],
    [
      'whose async iterator is none',
      { [Symbol.asyncIterator]: () => ({}) },
      "job: expected the payloads' iterator to have a next(), got an object",
    ],
    ['with steps that are none', { [Symbol.iterator]: () => ({ next: () => undefined }) }, 'to give { done, value }, got undefined'],
    ['with such steps later', { [Symbol.asyncIterator]: () => ({ next: async () => 7 }) }, 'to give { done, value }, got 7'],
  ])('%s is refused, and the client goes on', async (_, source, text) => {
    await using mill = await startMill(Hostile);
    const error = await thrownBy(collect(mill.client.job('echo', source as unknown as Iterable<string>)));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(text);
    expect(String(await mill.client.call('echo', 'next'))).toBe('next');
  });
});

describe('call() and set()', () => {
  it('refuse whatever is no bytes, or says of itself what is not so, and the client goes on', async () => {
    await using mill = await startMill(Hostile);
    for (const name of names.filter((one) => !one.startsWith('a promise'))) {
      expect([name, await thrownBy(mill.client.call('echo', THINGS[name]?.() as string))]).toEqual([name, expect.any(TypeError)]);
      expect([name, await thrownBy(mill.client.set(THINGS[name]?.() as string))]).toEqual([name, expect.any(TypeError)]);
    }
    expect(String(await mill.client.call('echo', 'next'))).toBe('next');
  });
});

/** As a class may well be that stores something in front of its bytes: parts of it are made by its constructor, too. */
class Packet extends Uint8Array {
  constructor(...args: readonly unknown[]) {
    super((args[0] as number) + 4);
  }
}

it.each([5, 200, 20_000])('bytes of a class of the user’s, %i of them, travel as they are', async (length) => {
  const packet = (): Uint8Array => new Packet(length).fill(7);
  class Packets extends Worker {
    echo(message: Buffer): Buffer {
      return message;
    }

    returns(): Uint8Array {
      return packet();
    }

    *yields(): Generator<Uint8Array> {
      yield packet();
    }
  }
  class Scatters extends Master {
    override *scatter(message: Message): Generator<Message> {
      yield message.payload.length === 1 ? message.with({ payload: packet() }) : message;
    }
  }
  await using mill = await startMill(Packets, { master: Scatters });
  const sevens = Buffer.alloc(length + 4, 7);
  expect(await mill.client.call('echo', packet())).toEqual(sevens);
  expect(await mill.client.call('echo', 'x')).toEqual(sevens);
  expect(await mill.client.call('returns', 'to')).toEqual(sevens);
  expect(await collect(mill.client.job('yields', ['to']))).toEqual([sevens]);
});

it('an item that is another each time it is looked at is looked at once', async () => {
  await using mill = await startMill(Hostile);
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  const step = { done: false, get: 0 };
  Object.defineProperty(step, 'value', { get: () => Promise.reject(new Error(`of nobody, ${(step.get += 1)}`)) });
  const source = { [Symbol.iterator]: () => ({ next: () => step, return: () => ({ done: true }) }) };
  expect(await thrownBy(collect(mill.client.job('echo', source as unknown as Iterable<string>)))).toBeInstanceOf(TypeError);
  const payload = (): unknown => Promise.reject(new Error('of nobody'));
  for (const item of [{ payload: payload(), retrys: 1 }, Object.defineProperty({ payload: payload() }, 'function', { get: no })])
    expect(await thrownBy(collect(mill.client.job('echo', [item as unknown as string])))).toBeInstanceOf(TypeError);
  expect(String(await mill.client.call('echo', 'next'))).toBe('next');
  process.off('unhandledRejection', hear);
  expect([step.get, unheard]).toEqual([1, []]);
});

it('a worker that ends by a bug ends its process as a failure', async () => {
  await using cluster = await startCluster({ workers: 0 });
  // Not one of the cluster's: those may tell of no bug.
  const worker = new Running([join(ROOT, 'test/integration/fixtures/breaking.mjs'), 'worker1', cluster.address]);
  try {
    await worker.printed(/^connected$/);
    cluster.master.kill('SIGKILL');
    expect(await worker.ended).toEqual({ code: 1, signal: null });
    expect(worker.out).toContain('a bug in gristmill: out of order');
  } finally {
    worker.kill('SIGKILL');
    await worker.ended;
  }
});
