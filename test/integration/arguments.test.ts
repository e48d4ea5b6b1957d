/** Wrong arguments: a TypeError (wrong kind) or RangeError (wrong value) that names the option, what was expected and the value seen. */
import { describe, expect, it } from 'vitest';
import {
  Client,
  type ClientOptions,
  Master,
  type MasterOptions,
  Server,
  spawnWorkers,
  Worker,
  type WorkerOptions,
} from '../../src/index.ts';
import { thrownBy } from './helpers.ts';

const address = 'tcp://127.0.0.1:1';
type Wrong = readonly [what: string, value: unknown, kind: typeof TypeError | typeof RangeError, ...says: RegExp[]];
class Fixture extends Worker {
  foo(): void {}
}
class Serving extends Server {
  foo(): void {}
}

function expectError(error: unknown, [what, , kind, ...says]: Wrong): void {
  expect(error, what).toBeInstanceOf(Error);
  expect((error as Error).name, what).toBe(kind.name);
  for (const pattern of says) expect((error as Error).message, what).toMatch(pattern);
}

/** Throws at once what it throws. */
function expectThrown(make: () => unknown, wrong: Wrong): void {
  let thrown: unknown;
  try {
    make();
  } catch (error) {
    thrown = error;
  }
  expectError(thrown, wrong);
}

const notAnObject: Wrong[] = [
  ['no options', undefined, TypeError, /expected an object of options, got undefined/],
  ['null', null, TypeError, /expected an object of options, got null/],
  ['an address alone', address, TypeError, /expected an object of options, got "tcp:/],
];
const addresses: Wrong[] = [
  ['no address', { address: undefined }, TypeError, /address: expected .*, got undefined/],
  ['a number', { address: 5555 }, TypeError, /address: expected .*, got number|got 5555/],
  ['no port', { address: 'tcp://127.0.0.1' }, TypeError, /address: expected .*, got 'tcp:\/\/127.0.0.1'/],
  ['another scheme', { address: 'http://127.0.0.1:80' }, TypeError, /address: expected .*, got 'http:/],
  ['a large port', { address: 'tcp://127.0.0.1:65536' }, RangeError, /address: expected a port up to 65535, got '.*65536'/],
  ['an empty string', { address: '' }, TypeError, /address: expected .*, got ''/],
];
const bound: Wrong[] = [
  ...addresses,
  ['no scheme', { address: '127.0.0.1:5555' }, TypeError, /address: expected 'tcp:\/\/host:port' or 'ipc:\/\/path', got '127.0.0.1:5555'/],
];
const dialled: Wrong[] = [
  ...addresses,
  [
    'no scheme',
    { address: '127.0.0.1:5555' },
    TypeError,
    /address: expected 'tcp:\/\/host:port', 'ipc:\/\/path', 'redis:\/\/host:port' or 'nats:\/\/host:port', got '127.0.0.1:5555'/,
  ],
];
const names: Wrong[] = [
  ['no name', { name: undefined }, TypeError, /name: expected a string, got undefined/],
  ['an empty name', { name: '' }, RangeError, /name: expected a string that is not empty, got ''/],
  ['a name that is an object', { name: {} }, TypeError, /name: expected a string, got an object of class Object/],
  ['a long name', { name: 'x'.repeat(1_025) }, RangeError, /name: expected at most 1024 bytes, got 1025/],
];
const common: Wrong[] = [
  ['an unknown option', { adress: 'x' }, TypeError, /unknown option 'adress'; known are .*address/],
  [
    'a logger that is a string',
    { logger: 'stderr' },
    TypeError,
    /logger: expected false or an object with info, warn and error, got "stderr"/,
  ],
  ['a logger that is true', { logger: true }, TypeError, /logger: expected false or .*, got true/],
  ['half a logger', { logger: { info() {} } }, TypeError, /logger: expected/],
  ['a transport that is null', { transport: null }, TypeError, /: transport: expected a Transport, which has .*, got null/],
  ['a transport that is none', { transport: { name: 'x' } }, TypeError, /: transport: expected a Transport, .*, got an object/],
  ['a long path', { address: `ipc:///tmp/${'é'.repeat(60)}` }, RangeError, /: address: expected a path of at most 100 bytes, got 125/],
];

/** Options that are whole numbers of at least `min`. */
function numbers(min: number, ...options: string[]): Wrong[] {
  return options.flatMap((option): Wrong[] => [
    [
      `${option} too small`,
      { [option]: min - 1 },
      RangeError,
      new RegExp(`${option}: expected a whole number from ${min} to \\d+, got ${min - 1}`),
    ],
    [`${option} no whole number`, { [option]: 1.5 }, RangeError, new RegExp(`${option}: expected a whole number .*, got 1.5`)],
    [`${option} a string`, { [option]: '10' }, TypeError, new RegExp(`${option}: expected a whole number .*, got "10"`)],
    [`${option} NaN`, { [option]: Number.NaN }, TypeError, new RegExp(`${option}: expected a whole number .*, got NaN`)],
    [`${option} null`, { [option]: null }, TypeError, new RegExp(`${option}: expected a whole number .*, got null`)],
  ]);
}

function options(wrong: Wrong, right: object): unknown {
  return wrong[1] !== null && typeof wrong[1] === 'object' ? { ...right, ...wrong[1] } : wrong[1];
}

const ofMaster: Wrong[] = [
  ...notAnObject,
  ...bound,
  ...names,
  ...common,
  ...numbers(1, 'maxMessageBytes', 'maxJobResultBytes', 'maxBufferBytes', 'crashLimit', 'historyLimit'),
  ...numbers(0, 'workerReconnectMs', 'clientReconnectMs'),
  [
    'a policy by name',
    { policy: 'roundRobin' },
    TypeError,
    /policy: expected leastLoaded\(\), roundRobin\(\) or grain\(\), got "roundRobin"/,
  ],
  ['a policy not called', { policy: () => 0 }, TypeError, /policy: expected .*, got function/],
  ['a cache that is a number', { cache: 100 }, TypeError, /cache: expected an object of options, got 100/],
  ['an unknown option of the cache', { cache: { max: 1 } }, TypeError, /cache: unknown option 'max'; known are maxBytes, ttlMs/],
  ['maxBytes 0', { cache: { maxBytes: 0 } }, RangeError, /cache.maxBytes: expected a whole number from 1 .*, got 0/],
  ['ttlMs a string', { cache: { ttlMs: '1s' } }, TypeError, /cache.ttlMs: expected .*, got "1s"/],
  ['an open address', { address: 'tcp://0.0.0.0:5555' }, RangeError, /address: .*'tcp:\/\/0.0.0.0:5555'.*insecure: true/],
  ['an open address of all', { address: 'tcp://*:5555' }, RangeError, /address: .*insecure: true/],
  ['an open push address', { workerPushAddress: 'tcp://192.0.2.1:5555' }, RangeError, /workerPushAddress: .*192.0.2.1.*insecure: true/],
  ['an open pull address', { workerPullAddress: 'tcp://[::]:5555' }, RangeError, /workerPullAddress: .*insecure: true/],
  ['insecure: 1', { insecure: 1 }, TypeError, /insecure: expected true or false, got 1/],
  ['no push address', { workerPushAddress: 17 }, TypeError, /workerPushAddress: expected/],
];

describe('new Master', () => {
  it.each(ofMaster.map((wrong) => [wrong[0], wrong] as const))('with %s', (_, wrong) => {
    expectThrown(() => new Master(options(wrong, { name: 'master', address }) as MasterOptions), wrong);
    expect(() => new Master(options(wrong, { name: 'master', address }) as MasterOptions)).toThrow(/^(Master: |logger: )/);
  });
});

const ofWorker: Wrong[] = [
  ...notAnObject,
  ...dialled,
  ...names,
  ...common,
  ...numbers(1, 'slots', 'historyLimit'),
  ...numbers(0, 'maxParked', 'drainTimeoutMs'),
  ['a port to choose', { address: 'tcp://127.0.0.1:*' }, RangeError, /address: expected a port to dial, got 'tcp:\/\/127.0.0.1:\*'/],
  [
    'more resources than can be told',
    { resources: { shelves: 's'.repeat(262_144) } },
    RangeError,
    /^Worker: resources: expected at most 262144 bytes in all .*, got \d+/,
  ],
];

describe('new Worker', () => {
  it.each(ofWorker.map((wrong) => [wrong[0], wrong] as const))('with %s', (_, wrong) => {
    expectThrown(() => new Fixture(options(wrong, { name: 'worker', address }) as WorkerOptions), wrong);
  });

  it('of a class that serves nothing, a name of Worker, or what is not there', () => {
    class Nothing extends Worker {}
    class Hidden extends Worker {
      _only(): void {}
    }
    class Listed extends Worker {
      static functions = ['foo', 'bar'];
      foo(): void {}
    }
    class NoList extends Worker {
      static functions = 'foo';
      foo(): void {}
    }
    const make = (cls: new (options: WorkerOptions) => Worker) => (): unknown => new cls({ name: 'worker', address });
    expectThrown(make(Nothing), ['', 0, TypeError, /class Nothing: it has no functions to serve/]);
    expectThrown(make(Hidden), ['', 0, TypeError, /class Hidden: it has no functions to serve/]);
    expectThrown(make(Listed), ['', 0, TypeError, /class Listed: functions: expected names of its methods, got "bar"/]);
    expectThrown(make(NoList), ['', 0, TypeError, /class NoList: functions: expected an array of names, got "foo"/]);
    for (const name of ['start', 'stop', 'get', 'set', 'delete', 'status', 'events']) {
      const cls = { [name]: class extends Worker {} }[name] as new (options: WorkerOptions) => Worker;
      Object.defineProperty(cls.prototype, name, { value: () => undefined });
      expectThrown(make(cls), ['', 0, TypeError, new RegExp(`'${name}' is a name of Worker`)]);
    }
  });
});

const ofClient: Wrong[] = [
  ...notAnObject,
  ...dialled,
  ...names.slice(1),
  ...common,
  ...numbers(1, 'connectTimeoutMs', 'maxMessageBytes', 'historyLimit'),
  ['a port to choose', { address: 'tcp://127.0.0.1:*' }, RangeError, /address: expected a port to dial/],
  ['a function that is no name', { function: () => 0 }, TypeError, /function: expected a string, got function/],
];

describe('new Client', () => {
  it.each(ofClient.map((wrong) => [wrong[0], wrong] as const))('with %s', (_, wrong) => {
    expectThrown(() => new Client(options(wrong, { address }) as ClientOptions), wrong);
  });
});

/** A client of nobody, for calls whose arguments are wrong. */
async function withClient(use: (client: Client) => void | Promise<void>): Promise<void> {
  await using client = new Client({ address, logger: false });
  await use(client);
}

const long = 'x'.repeat(262_144);
function tooLong(what: string): RegExp {
  return new RegExp(`^${what}: fields: expected at most 262144 bytes in all \\(names, packed values, and 64 for each\\), got 262214$`);
}

const ofJob: [string, unknown[], Wrong][] = [
  ['a string', ['foo', 'payload'], ['', 0, TypeError, /payloads: expected an iterable .*, got "payload".*use call\(\)/]],
  ['a Buffer', ['foo', Buffer.from('x')], ['', 0, TypeError, /payloads: .*, got Buffer of 1 bytes.*use call\(\)/]],
  ['an ArrayBuffer', ['foo', new ArrayBuffer(1)], ['', 0, TypeError, /payloads: .*ArrayBuffer.*use call\(\)/]],
  ['a number', ['foo', 42], ['', 0, TypeError, /payloads: expected an iterable or async iterable of payloads, got 42/]],
  ['null', ['foo', null], ['', 0, TypeError, /payloads: expected .*, got null/]],
  ['an object', ['foo', {}], ['', 0, TypeError, /payloads: expected .*, got an object of class Object/]],
  ['a generator function', ['foo', function* source() {}], ['', 0, TypeError, /payloads: expected .*, got function source/]],
  ['nothing', [], ['', 0, TypeError, /payloads: expected .*, got undefined/]],
  ['an empty name', ['', ['x']], ['', 0, RangeError, /function: expected a string that is not empty, got ''/]],
  ['options that are a number', ['foo', ['x'], 5], ['', 0, TypeError, /job: expected an object of options, got 5/]],
  ['an unknown option', ['foo', ['x'], { order: true }], ['', 0, TypeError, /job: unknown option 'order'; known are .*ordered/]],
  ['messages: 0', ['foo', ['x'], { messages: 0 }], ['', 0, RangeError, /messages: expected a whole number from 1 to \d+, got 0/]],
  ['messages: "2"', ['foo', ['x'], { messages: '2' }], ['', 0, TypeError, /messages: expected .*, got "2"/]],
  ['ordered: 1', ['foo', ['x'], { ordered: 1 }], ['', 0, TypeError, /ordered: expected true or false, got 1/]],
  ['settle: "yes"', ['foo', ['x'], { settle: 'yes' }], ['', 0, TypeError, /settle: expected true or false, got "yes"/]],
  ['no signal', ['foo', ['x'], { signal: {} }], ['', 0, TypeError, /signal: expected an AbortSignal, got an object of class Object/]],
  [
    'fields that are none',
    ['foo', ['x'], { fields: [1] }],
    ['', 0, TypeError, /fields: expected an object of plain data, got an array of 1/],
  ],
  [
    'a map of fields',
    ['foo', ['x'], { fields: new Map() }],
    ['', 0, TypeError, /job: fields: expected an object of plain data, got .* Map/],
  ],
  ['a field that is no data', ['foo', ['x'], { fields: { a: { at: new Date(0) } } }], ['', 0, TypeError, /^job: fields\.a\.at: .*Date/]],
  [
    'a field that is an option',
    ['foo', ['x'], { fields: { timeout: 5 } }],
    ['', 0, TypeError, /^job: fields: 'timeout' is a name of gristmill's own: say it with the option timeoutMs/],
  ],
  ['long fields', ['foo', ['x'], { fields: { a: long } }], ['', 0, RangeError, tooLong('job')]],
];

const items: [string, unknown, Wrong][] = [
  ['a number', 42, ['', 0, TypeError, /item 1: expected a Uint8Array, a string or { payload, … }, got 42/]],
  ['null', null, ['', 0, TypeError, /item 1: expected .*, got null/]],
  ['an object without payload', { functoin: 'x' }, ['', 0, TypeError, /item 1: expected/]],
  ['a payload that is a number', { payload: 1 }, ['', 0, TypeError, /item 1: payload: expected a Uint8Array or a string, got 1/]],
  ['an unknown name', { payload: 'x', keys: 1 }, ['', 0, TypeError, /item 1: unknown option 'keys'; known are payload, function, key, /]],
  ['a function that is none', { payload: 'x', function: 1 }, ['', 0, TypeError, /item 1: function: expected a string, got 1/]],
  ['fields that are none', { payload: 'x', fields: 'f' }, ['', 0, TypeError, /item 1: fields: expected an object of plain data, got "f"/]],
  ['long fields', { payload: 'x', fields: { a: long } }, ['', 0, RangeError, tooLong('job: item 1')]],
  ['a field that is no data', { payload: 'x', fields: { a: [() => 1] } }, ['', 0, TypeError, /^job: item 1: fields\.a\[0\]: .*function/]],
  ['a function of no name', { payload: 'x', function: '' }, ['', 0, RangeError, /item 1: function: expected a string that is not empty/]],
  [
    'a function with a long name',
    { payload: 'x', function: 'f'.repeat(1_025) },
    ['', 0, RangeError, /item 1: function: expected at most 1024 bytes, got 1025/],
  ],
];

describe('client.job', () => {
  it.each(ofJob)('with %s', (_, args, wrong) =>
    withClient((client) => expectThrown(() => (client.job as (...all: unknown[]) => unknown).apply(client, args), wrong)),
  );

  it.each(ofJob.slice(0, 5))('without a function, with %s', (_, args, wrong) =>
    withClient((client) => expectThrown(() => (client.job as (...all: unknown[]) => unknown).call(client, args[1]), wrong)),
  );
});

describe('client.call, set, get, delete and close', () => {
  const calls: [string, (client: Client) => Promise<unknown>, Wrong][] = [
    ['call of no name', (c) => c.call(undefined as never, 'x'), ['', 0, TypeError, /function: expected a string, got undefined/]],
    ['call of an empty name', (c) => c.call('', 'x'), ['', 0, RangeError, /function: expected a string that is not empty/]],
    [
      'call with no payload',
      (c) => c.call('foo', undefined as never),
      ['', 0, TypeError, /payload: expected a Uint8Array or a string, got undefined/],
    ],
    ['call with an array', (c) => c.call('foo', [1] as never), ['', 0, TypeError, /payload: expected .*, got an array of 1/]],
    ['call with an ArrayBuffer', (c) => c.call('foo', new ArrayBuffer(1) as never), ['', 0, TypeError, /payload: expected .*ArrayBuffer/]],
    [
      'call with an unknown option',
      (c) => c.call('foo', 'x', { ordered: true } as never),
      ['', 0, TypeError, /call: unknown option 'ordered'/],
    ],
    [
      'call with no signal',
      (c) => c.call('foo', 'x', { signal: 1 } as never),
      ['', 0, TypeError, /signal: expected an AbortSignal, got 1/],
    ],
    ['call with long fields', (c) => c.call('foo', 'x', { fields: { a: long } }), ['', 0, RangeError, tooLong('call')]],
    [
      'call with a circle',
      (c) => {
        const circle: Record<string, unknown> = {};
        circle['again'] = circle;
        return c.call('foo', 'x', { fields: { circle } });
      },
      ['', 0, RangeError, /^call: fields\.circle(\.again)+: expected plain data of at most 32 levels/],
    ],
    ['set of a number', (c) => c.set(1 as never), ['', 0, TypeError, /value: expected a Uint8Array or a string, got 1/]],
    ['set with a key that is a number', (c) => c.set('x', 1 as never), ['', 0, TypeError, /key: expected a string, got 1/]],
    ['set with an empty key', (c) => c.set('x', ''), ['', 0, RangeError, /key: expected a string that is not empty, got ''/]],
    ['set with a long key', (c) => c.set('x', 'k'.repeat(1_025)), ['', 0, RangeError, /key: expected at most 1024 bytes, got 1025/]],
    ['get of no key', (c) => c.get(undefined as never), ['', 0, TypeError, /key: expected a string, got undefined/]],
    ['delete of no key', (c) => c.delete(null as never), ['', 0, TypeError, /key: expected a string, got null/]],
  ];
  it('story of what is neither a stream nor its id', async () => {
    const client = new Client({ address, logger: false });
    const worker = new Fixture({ name: 'w', address, logger: false });
    const stories = [() => client.story(5 as never), () => client.story(undefined as never), () => client.story({} as never)];
    for (const story of stories) expect(story).toThrow(/^story: expected a stream, or the id of one, got /);
    expect(() => worker.story(undefined as never)).toThrow(/^story: expected the key of a part, or the id of a stream, got undefined$/);
    await client.close();
  });

  it.each(calls)('%s rejects', (_, call, wrong) => withClient(async (client) => expectError(await thrownBy(call(client)), wrong)));
});

describe('start and stop', () => {
  const roles: [string, () => Master | Worker][] = [
    ['a master', () => new Master({ name: 'm', address, logger: false })],
    ['a worker', () => new Fixture({ name: 'w', address, logger: false })],
    ['a server', () => new Serving({ name: 's', address, logger: false })],
  ];
  it.each(roles)('of %s', async (_, make) => {
    const start = (value: unknown) => thrownBy((async () => await make().start(value as object))());
    const stop = (value: unknown) => thrownBy((async () => await make().stop(value as object))());
    expectError(await start(5), ['', 0, TypeError, /start: expected an object of options, got 5/]);
    expectError(await start({ signal: true }), ['', 0, TypeError, /start: unknown option 'signal'; known are signals/]);
    expectError(await start({ signals: 'SIGINT' }), ['', 0, TypeError, /signals: expected true or false, got "SIGINT"/]);
    expectError(await stop('now'), ['', 0, TypeError, /stop: expected an object of options, got "now"/]);
    expectError(await stop({ deadline: 5 }), ['', 0, TypeError, /stop: unknown option 'deadline'; known are deadlineMs/]);
    expectError(await stop({ deadlineMs: -1 }), ['', 0, RangeError, /deadlineMs: expected a whole number from 0 to \d+, got -1/]);
    expectError(await stop({ deadlineMs: '1s' }), ['', 0, TypeError, /deadlineMs: expected .*, got "1s"/]);
  });
});

describe('spawnWorkers', () => {
  const module = new URL('worker.mjs', import.meta.url);
  const all: [string, unknown, unknown, Wrong][] = [
    ['no module', undefined, { address }, ['', 0, TypeError, /spawnWorkers: expected the URL or path of a module, got undefined/]],
    [
      'a module elsewhere',
      new URL('http://127.0.0.1/w.js'),
      { address },
      ['', 0, TypeError, /spawnWorkers: expected the URL of a file, or a path, got http:/],
    ],
    ['no options', module, undefined, ['', 0, TypeError, /spawnWorkers: expected an object of options, got undefined/]],
    ['an unknown option', module, { address, counts: 1 }, ['', 0, TypeError, /spawnWorkers: unknown option 'counts'; known are .*count/]],
    ['a count of 0', module, { address, count: 0 }, ['', 0, RangeError, /count: expected a whole number from 1 to 4096, got 0/]],
    ['no address', module, {}, ['', 0, TypeError, /spawnWorkers: address: expected/]],
    ['a name that is empty', module, { address, name: '' }, ['', 0, RangeError, /name: expected a string that is not empty/]],
  ];
  it.each(all)('with %s', (_, first, second, wrong) => {
    expectThrown(() => spawnWorkers(first as URL, second as { address: string }), wrong);
  });
});

it('items that are none end their stream with an error that names them', async () => {
  for (const [what, item, wrong] of items) {
    await withClient(async (client) => {
      const stream = client.job('foo', ['right', item as string]);
      expectError(await thrownBy(stream.next()), [what, undefined, wrong[2], ...(wrong.slice(3) as RegExp[])]);
    });
  }
});
