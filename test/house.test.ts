/**
 * The house rules that no other tool enforces: who may import whom, what a pure room must not know, how long things may be.
 *
 * The tables come first; then each rule is tried on a small violation, so that a rule that sees nothing fails; then the project is held to it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as house from './house/checks.ts';
import { listFiles, parse, readSources, type Source } from './house/source.ts';

const LIMITS = { sourceFile: 300, function: 70, testFile: 400 };

const WALL: house.Wall = {
  pure: [
    'src/errors.ts',
    'src/common/*.ts',
    'src/protocol/**/*.ts',
    'src/resources/**/*.ts',
    'src/scheduling/**/*.ts',
    'src/streams/*.ts',
    'src/machine/*.ts',
    'src/master/*.ts',
    'src/worker/*.ts',
    'src/client/state.ts',
    'src/client/events.ts',
    'src/simulator/*.ts',
    'src/pipelines/graph.ts',
    'src/pipelines/run.ts',
    'src/pipelines/rule.ts',
    'src/pipelines/wire.ts',
    'src/pipelines/json.ts',
    'src/pipelines/errors.ts',
  ],
  shells: [
    'src/common/builtin.ts',
    'src/common/clock.ts',
    'src/common/unique.ts',
    'src/common/tick.ts',
    'src/common/untrusted.ts',
    'src/common/emitter.ts',
    'src/common/logger.ts',
    'src/common/signals.ts',
    'src/streams/job_stream.ts',
    'src/streams/source.ts',
    'src/streams/caller.ts',
    'src/machine/driver.ts',
    'src/master/master.ts',
    'src/master/peers.ts',
    'src/master/calls.ts',
    'src/master/desk.ts',
    'src/master/dials.ts',
    'src/master/generators.ts',
    'src/master/cache.ts',
    'src/master/options.ts',
    'src/worker/worker.ts',
    'src/worker/executor.ts',
    'src/worker/context.ts',
    'src/worker/connection.ts',
    'src/worker/sockets.ts',
    'src/worker/listening.ts',
    'src/worker/invoking.ts',
    'src/worker/job_context.ts',
    'src/worker/program.ts',
    'src/worker/isolation.ts',
    'src/worker/isolated_child.ts',
    'src/worker/spawn.ts',
    'src/worker/timeouts.ts',
    'src/worker/executor_options.ts',
    'src/worker/offered.ts',
  ],
  packages: ['msgpackr/pack', 'msgpackr/unpack'],
  names: [
    'setTimeout',
    'setInterval',
    'setImmediate',
    'queueMicrotask',
    'Date',
    'performance',
    'Promise',
    'PromiseLike',
    'crypto',
    'process',
    'console',
    'fetch',
    'require',
    'globalThis',
    'eval',
    'Function',
  ],
};

/**
 * Code is compiled for the hidden classes of what it reads. Where an object is made that begins by spreading another, V8 gives each a
 * class of its own from about the tenth on: so nothing is made like that where things are made for each stream, part or tick. The exceptions
 * are made once for a peer, or when somebody asks.
 */
const COMPILED = { rooms: ['machine', 'scheduling', 'streams', 'master'], except: ['src/master/dials.ts', 'src/master/master.ts'] };

const BASE = ['errors.ts', 'common', 'machine', 'protocol'];
const ROLES = ['master', 'worker', 'client'];

const ARROWS: house.Arrows = {
  rooms: {
    'errors.ts': [],
    common: ['errors.ts'],
    machine: ['errors.ts', 'common'],
    protocol: ['errors.ts', 'common', 'machine'],
    transport: BASE,
    resources: BASE,
    scheduling: [...BASE, 'resources'],
    streams: [...BASE, 'transport', 'resources'],
    master: [...BASE, 'transport', 'scheduling', 'resources'],
    worker: [...BASE, 'transport', 'streams', 'resources'],
    client: [...BASE, 'transport', 'streams', 'resources'],
    'wiring.ts': ['*'],
    specialized: [...BASE, ...ROLES, 'transport', 'streams', 'scheduling', 'resources'],
    'server.ts': [...BASE, 'transport', 'scheduling', 'resources', 'master', 'worker', 'specialized'],
    combine: [...BASE, ...ROLES, 'transport', 'streams', 'scheduling', 'resources', 'specialized'],
    pools: [...BASE, ...ROLES, 'transport', 'streams', 'scheduling', 'resources'],
    pipelines: [...BASE, ...ROLES, 'transport', 'streams', 'scheduling', 'resources', 'pools', 'wiring.ts'],
    simulator: [...BASE, ...ROLES, 'transport', 'streams', 'scheduling', 'resources'],
    testing: ['*'],
    cli: ['*'],
    'index.ts': ['*'],
  },
  packages: {
    zeromq: ['src/transport/*.ts'],
    msgpackr: ['src/**/*.ts'],
    'lru-cache': ['src/master/cache.ts'],
    bullmq: ['src/pools/redis/*.ts'],
    ioredis: ['src/pools/redis/*.ts'],
    '@nats-io/transport-node': ['src/pools/nats/*.ts'],
    '@nats-io/jetstream': ['src/pools/nats/*.ts'],
    '@nats-io/kv': ['src/pools/nats/*.ts'],
    yargs: ['src/cli/*.ts'],
    'smol-toml': ['src/cli/config.ts'],
    fastify: ['src/pipelines/*.ts'],
  },
};

const ENTRIES = [
  'src/index.ts',
  'src/combine/index.ts',
  'src/testing/index.ts',
  'src/simulator/index.ts',
  'src/pipelines/index.ts',
  'src/pools/redis.ts',
  'src/pools/nats.ts',
];

const root = join(import.meta.dirname, '..');
const sources = readSources(root, 'src');
const tests = readSources(root, 'test');
const scripts = ['examples', 'bench', 'scripts', '.ci'].flatMap((folder) => readSources(root, folder, ['.ts', '.js', '.mjs']));

describe('each rule sees a violation', () => {
  const pure = (text: string): string[] => house.impurities(parse('src/master/state.ts', text), WALL);
  const arrows = (path: string, text: string): string[] => house.wrongArrows(parse(path, text), ARROWS);
  const tried = (text: string): string[] => house.heldBackTests(parse('test/a.test.ts', text));

  it('a file or a function is too long', () => {
    const longest = parse('src/a.ts', `function f() {\n${'  g();\n'.repeat(3)}}\n`);
    expect(house.longFile(longest, 5)).toEqual([]);
    expect(house.longFile(longest, 4)).toEqual(['src/a.ts: 5 lines, at most 4']);
    expect(house.longFunctions(longest, 5)).toEqual([]);
    expect(house.longFunctions(longest, 4)).toEqual(['src/a.ts:1: a function of 5 lines, at most 4']);
    const others = parse('src/b.ts', 'const f = () => {\n  g();\n};\nclass A {\n  async *m() {\n    yield 1;\n  }\n}\n');
    expect(house.longFunctions(others, 2)).toEqual([
      'src/b.ts:1: a function of 3 lines, at most 2',
      'src/b.ts:5: a function of 3 lines, at most 2',
    ]);
  });

  it('files import each other', () => {
    const a = parse('src/x/a.ts', "import { b } from '../b.ts';");
    const b = parse('src/b.ts', "export { c } from './c.ts';");
    expect(house.cycles([a, b, parse('src/c.ts', "import { readFile } from 'node:fs';")])).toEqual([]);
    expect(house.cycles([a, b, parse('src/c.ts', "import type { A } from './x/a.ts';")])).toEqual([
      'src/x/a.ts → src/b.ts → src/c.ts → src/x/a.ts',
    ]);
    expect(house.cycles([parse('src/d.ts', "type D = import('./d.ts').D;")])).toEqual(['src/d.ts → src/d.ts']);
  });

  it.each([
    ['a shell of its room', "import { Master } from './master.ts';", 'imports ./master.ts'],
    ['a shell for its types', "import type { Master } from './master.ts';", 'imports ./master.ts'],
    ['a shell room', "export { connect } from '../transport/zeromq.ts';", 'imports ../transport/zeromq.ts'],
    ['a node module', "import { join } from 'node:path';", 'imports node:path'],
    ['zeromq', "import type * as zmq from 'zeromq';", 'imports zeromq'],
    ['a timer', 'setTimeout(() => {}, 10);', 'uses setTimeout'],
    ['a clock', 'const now = Date.now();', 'uses Date'],
    ['another clock', 'const now = performance.now();', 'uses performance'],
    ['randomness', 'const x = Math.random();', 'uses Math.random (or Math as a value)'],
    ['hidden randomness', "const x = Math['random']();", 'uses Math.random (or Math as a value)'],
    ['unpacked randomness', 'const { random } = Math;', 'uses Math.random (or Math as a value)'],
    ['other randomness', 'const x = crypto.randomUUID();', 'uses crypto'],
    ['a promise', 'const x = Promise.resolve();', 'uses Promise'],
    ['the type of a promise', 'interface A { wait(): Promise<void> }', 'uses Promise'],
    ['an async function', 'export async function f() {}', 'async'],
    ['an async method', 'class A { async *f() {} }', 'async'],
    ['await', 'await undefined;', 'awaits'],
    ['the process', 'const x = process.env;', 'uses process'],
    ['the process in shorthand', 'const x = { process };', 'uses process'],
    ['the console', "console.log('x');", 'uses console'],
    ['the global object', 'globalThis.x = 1;', 'uses globalThis'],
    ['a microtask', 'queueMicrotask(() => {});', 'uses queueMicrotask'],
    ['an import at run time', 'const x = import(name);', 'imports at run time'],
  ])('a pure room knows %s', (_what, text, complaint) => {
    expect(pure(text)).toEqual([`src/master/state.ts:1: pure, but ${complaint}`]);
    expect(house.impurities(parse('src/master/master.ts', text), WALL)).toEqual([]);
    expect(house.impurities(parse('src/client/client.ts', text), WALL)).toEqual([]);
  });

  it('a pure room may use what only looks alike', () => {
    expect(pure("import { pack } from 'msgpackr/pack';\nimport { Reader } from '../protocol/bytes.ts';")).toEqual([]);
    expect(pure('const x = Math.max(job.process(), { Date: 1 }.Date); // Promise, process\nclass A { process() {} console = 1; }')).toEqual(
      [],
    );
  });

  it('an import runs against the arrows', () => {
    expect(arrows('src/client/client.ts', "import { Caller } from '../streams/caller.ts';\nimport { x } from './x.ts';")).toEqual([]);
    expect(arrows('src/client/client.ts', "import { Worker } from '../worker/worker.ts';")).toEqual([
      'src/client/client.ts:1: client must not import worker',
    ]);
    expect(arrows('src/protocol/a.ts', "\nexport { m } from '../index.ts';")).toEqual([
      'src/protocol/a.ts:2: protocol must not import index.ts',
    ]);
    expect(arrows('src/cellar/a.ts', '')).toEqual(['src/cellar/a.ts: what may cellar import? List it in house.test.ts']);
    expect(arrows('src/cli/main.ts', "import { t } from '../../test/t.ts';\nimport yargs from 'yargs/yargs';")).toEqual([]);
    expect(arrows('src/client/a.ts', "import { t } from '../../test/t.ts';")).toEqual([
      'src/client/a.ts:1: client must not import test/t.ts',
    ]);
    expect(arrows('src/master/master.ts', "import yargs from 'yargs/helpers';")).toEqual([
      'src/master/master.ts:1: only src/cli/*.ts may import yargs',
    ]);
    expect(arrows('src/master/a.ts', "import '@x/y/z';")).toEqual(['src/master/a.ts:1: who may import @x/y? List it in house.test.ts']);
  });

  it('an entry file hides its names', () => {
    expect(house.wildcards(parse('src/index.ts', "export { a } from './a.ts';\nexport * from './b.ts';"))).toEqual([
      'src/index.ts:2: exports *: list each name',
    ]);
  });

  it('a type is any', () => {
    expect(house.anys(parse('src/a.ts', 'const any = 1;\nlet x: Map<string, any>;'))).toEqual(['src/a.ts:2: the type any']);
  });

  it('an object begins as a copy of another', () => {
    const text = 'f({ ...a, b });\nf({ b, ...a }, [...c], g(...c), ({ ...d }) => d);';
    expect(house.copies(parse('src/a.ts', text))).toEqual(['src/a.ts:1: { ...a, b }']);
  });

  it('a file that is started is not built', () => {
    const text = "new URL('../cli/a.js', import.meta.url);\nnew URL('../cli/b.js', import.meta.url);\nnew URL('../../', import.meta.url);";
    expect(house.unbuilt(parse('src/a.ts', text), (path) => path === 'cli/a.js')).toEqual(['src/a.ts:2: dist/cli/b.js is not built']);
  });

  it('a note was left, or the compiler silenced', () => {
    const [todo, fixme, ignore] = ['TO_DO', 'FIX_ME', '@ts_-ignore'].map((word) => word.replace('_', ''));
    const text = ['a', `// ${todo}: later`, `/* ${fixme} */`, `// ${ignore}`, '// @ts-expect-error: fine', 'TODOS'].join('\n');
    expect(house.notes({ path: 'a.ts', text })).toEqual([`a.ts:2: ${todo}`, `a.ts:3: ${fixme}`, `a.ts:4: ${ignore}`]);
  });

  it('a test is held back', () => {
    expect(tried("it('a', () => {});\nit.each([1])('b', () => {});\nthis.only(); list.skip;")).toEqual([]);
    expect(tried("it.skip('a', () => {});\ndescribe.only('b', () => {});")).toEqual([
      'test/a.test.ts:1: it.skip',
      'test/a.test.ts:2: describe.only',
    ]);
    expect(tried("test\n  .concurrent.only('a', () => {});\nit.each([1]).skip('b');")).toEqual([
      'test/a.test.ts:1: test.concurrent.only',
      'test/a.test.ts:3: it.each([1]).skip',
    ]);
    expect(tried("it['only']('a', () => {});\nit.todo('b');\nxit('c');")).toEqual([
      "test/a.test.ts:1: it['only']",
      'test/a.test.ts:2: it.todo',
      'test/a.test.ts:3: xit',
    ]);
  });
});

describe('the project', () => {
  const complaints = (judged: readonly Source[], judge: (source: Source) => string[]): string[] =>
    judged.flatMap((source) => judge(source));

  it('is here', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(tests.map(({ path }) => path)).toContain('test/house.test.ts');
  });

  it('keeps its files and functions short', () => {
    expect(complaints(sources, (source) => house.longFile(source, LIMITS.sourceFile))).toEqual([]);
    expect(complaints(sources, (source) => house.longFunctions(source, LIMITS.function))).toEqual([]);
    expect(complaints(tests, (source) => house.longFile(source, LIMITS.testFile))).toEqual([]);
  });

  it('has no import cycles', () => expect(house.cycles(sources)).toEqual([]));

  it('keeps its pure rooms pure', () => expect(complaints(sources, (source) => house.impurities(source, WALL))).toEqual([]));

  it('imports along the arrows', () => expect(complaints(sources, (source) => house.wrongArrows(source, ARROWS))).toEqual([]));

  it('lists each public name', () => {
    const entries = sources.filter(({ path }) => ENTRIES.includes(path));
    expect(complaints(entries, house.wildcards)).toEqual([]);
  });

  it('builds what it starts', () => {
    expect(complaints(sources, (source) => house.unbuilt(source, (path) => existsSync(join(root, 'dist', path))))).toEqual([]);
  });

  it('has no type any', () => expect(complaints([...sources, ...tests], house.anys)).toEqual([]));

  it('begins no object as a copy where that is read all the time', () => {
    const { rooms, except } = COMPILED;
    const read = sources.filter(({ path }) => rooms.includes(path.split('/')[1] as string) && !except.includes(path));
    expect(complaints(read, house.copies)).toEqual([]);
  });

  it('has no notes to itself', () => {
    const documents = listFiles(root, 'docs', ['.md']).map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
    expect([...sources, ...tests, ...scripts, ...documents].flatMap((file) => house.notes(file))).toEqual([]);
  });

  it('holds back no test', () => expect(complaints(tests, house.heldBackTests)).toEqual([]));

  it('names the same pure files to the linter', () => {
    const text = readFileSync(join(root, '.oxlintrc.json'), 'utf8').replaceAll(/^\s*\/\/.*$/gm, '');
    const { overrides } = JSON.parse(text) as { overrides: { files: string[]; excludeFiles?: string[]; rules: Record<string, unknown> }[] };
    const [override] = overrides.filter(({ rules }) => 'eslint/no-restricted-globals' in rules);
    expect(override?.files).toEqual(WALL.pure);
    expect(override?.excludeFiles).toEqual(WALL.shells);
  });

  it('has the files that its tables name', () => {
    const paths = new Set(sources.map(({ path }) => path));
    const listed = [...WALL.shells, ...ENTRIES, ...COMPILED.except, ...WALL.pure.filter((glob) => !glob.includes('*'))];
    const rooms = Object.keys(ARROWS.rooms).filter(
      (room) => ![...paths].some((path) => path === `src/${room}` || path.startsWith(`src/${room}/`)),
    );
    const missing = [...listed.filter((path) => !paths.has(path)), ...rooms];
    expect(missing).toEqual([]);
  });
});
