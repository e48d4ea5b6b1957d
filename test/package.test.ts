/** The package as users get it: packed, unpacked in an empty strict project beside @types/node, compiled and run. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'gristmill-package-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROGRAM = `
import { Client, type JobContext, Master, Worker } from 'gristmill';
import { INPUT, OUTPUT, Pipeline, PipelineNode, PipelinesServer } from 'gristmill/pipelines';
import { startMill } from 'gristmill/testing';

class MyWorker extends Worker {
  foo(message: Buffer, job: JobContext): string {
    return \`\${this.name} processed \${message.toString()} (job \${job.index})\`;
  }
}

const typed = (client: Client<MyWorker>): Promise<Buffer> => client.call('foo', 'x');
// @ts-expect-error: no such function
const wrong = (client: Client<MyWorker>): Promise<Buffer> => client.call('bar', 'x');

const mill = await startMill(MyWorker, { master: Master });
console.log((await typed(mill.client)).toString(), typeof wrong);
await mill.stop();

// The one package that only servers of pipelines need is not there.
const pipeline = new Pipeline({ name: 'p', nodes: [new PipelineNode({ op: (n: number) => n + 1, inputs: [INPUT], outputs: [OUTPUT] })] });
console.log(await pipeline.run(1));
await new PipelinesServer({ pipelines: [pipeline] }).start().catch((error: Error) => console.log(error.message));
`;

const TSCONFIG = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    module: 'nodenext',
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    outDir: 'out',
  },
  files: ['program.ts'],
};

/** Puts packages of ours where the project finds them. */
function link(names: readonly string[]): void {
  for (const name of names) {
    const target = join(folder, 'node_modules', name);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), target);
  }
}

/** Without the packages that engines need. */
const ENGINES = `
import { Client, openPool, Worker } from 'gristmill';
import { NatsPool } from 'gristmill/pools/nats';
import { RedisPool } from 'gristmill/pools/redis';

class MyWorker extends Worker { foo() {} }
const attempts = [
  () => new Client({ address: 'redis://127.0.0.1:6379' }),
  () => new MyWorker({ name: 'worker1', address: 'nats://127.0.0.1:4222' }),
  () => new RedisPool({ url: 'redis://127.0.0.1:6379' }),
  () => new NatsPool({ servers: 'nats://127.0.0.1:4222' }),
  () => openPool('redis://127.0.0.1:6379'),
];
for (const attempt of attempts) {
  try {
    await attempt();
  } catch (error) {
    console.log(error.code, error.message);
  }
}
`;

it('the packed tarball compiles in an empty strict project with @types/node, and runs', () => {
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], { cwd: ROOT, stdio: 'pipe' });
  const [tarball] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  mkdirSync(join(folder, 'node_modules/gristmill'), { recursive: true });
  execFileSync('tar', ['xzf', join(folder, tarball as string), '-C', join(folder, 'node_modules/gristmill'), '--strip-components=1']);
  link(['zeromq', 'msgpackr', 'lru-cache', 'yargs', '@types/node', 'undici-types']);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
  writeFileSync(join(folder, 'program.ts'), PROGRAM);
  execFileSync(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'pipe' });
  const printed = execFileSync(process.execPath, [join(folder, 'out/program.js')], { encoding: 'utf8' });
  expect(printed).toBe(
    [
      'worker1 processed x (job 0) function',
      '2',
      "PipelinesServer: it needs the package 'fastify', which is not installed: npm install fastify",
      '',
    ].join('\n'),
  );
  writeFileSync(join(folder, 'engines.js'), ENGINES);
  const refused = execFileSync(process.execPath, [join(folder, 'engines.js')], { encoding: 'utf8' });
  const redis = 'bullmq and ioredis are not installed: npm install bullmq ioredis';
  const names = ['@nats-io/transport-node', '@nats-io/jetstream', '@nats-io/kv'];
  const nats = `${names.join(' and ')} are not installed: npm install ${names.join(' ')}`;
  expect(refused.split('\n').slice(0, -1)).toEqual([
    `MODULE_NOT_FOUND 'redis://127.0.0.1:6379': ${redis}`,
    `MODULE_NOT_FOUND 'nats://127.0.0.1:4222': ${nats}`,
    `MODULE_NOT_FOUND RedisPool: ${redis}`,
    `MODULE_NOT_FOUND NatsPool: ${nats}`,
    `MODULE_NOT_FOUND RedisPool: ${redis}`,
  ]);
});

/** What is loaded with a built file: files of ours by path, and packages by name. */
function loadedWith(file: string): { files: string[]; packages: string[] } {
  const found = new Set([join(ROOT, 'dist', file)]);
  const packages = new Set<string>();
  for (const path of found) {
    for (const [, name = ''] of readFileSync(path, 'utf8').matchAll(/^(?:import|export)\b[^;"]*?"([^"]+)";/gm)) {
      if (name.startsWith('.')) found.add(join(dirname(path), name));
      else packages.add(name);
    }
  }
  return { files: [...found], packages: [...packages] };
}

/** What is there in a process that has run this, of what only some processes need: libraries, and modules of Node's. */
function lateIn(code: string): unknown {
  const look = `
    const { sharedObjects } = process.report.getReport();
    const files = [...sharedObjects, ...Object.keys((await import('node:module')).createRequire(import.meta.url).cache)];
    const libraries = ['zeromq', 'lru-cache'].filter((name) => files.some((path) => path.includes('/' + name + '/')));
    const names = ['child_process', 'crypto', 'fs/promises', 'net', 'os', 'v8', 'vm', 'worker_threads'];
    const modules = names.filter((name) => process.moduleLoadList.includes('NativeModule ' + name));
    console.log(JSON.stringify([...libraries, ...modules]));
    process.exit();`;
  const program = `import { Client, Master, Worker } from ${JSON.stringify(join(ROOT, 'dist', 'index.js'))};\n${code}\n${look}`;
  return JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }));
}

it('what only some processes need is not loaded with the package, but when they need it', () => {
  expect(lateIn('')).toEqual([]);
  expect(lateIn("new Client({ address: 'tcp://127.0.0.1:9', logger: false });")).toEqual(['zeromq', 'worker_threads']);
  const worker = "class W extends Worker { noop() {} } new W({ name: 'w', address: 'tcp://127.0.0.1:9', logger: false });";
  expect(lateIn(worker)).toEqual(['zeromq', 'os', 'worker_threads']);
  expect(lateIn("new Master({ name: 'm', address: 'tcp://127.0.0.1:9', logger: false });")).toEqual([
    'zeromq',
    'lru-cache',
    'worker_threads',
  ]);
  // That would be seen.
  expect(lateIn("await import('node:child_process');")).toEqual(['child_process', 'net']);
  const machine = (file: string): boolean => /\bMasterState = class\b/.test(readFileSync(file, 'utf8'));
  expect(loadedWith('master/state.js').files.filter(machine)).toHaveLength(1);
  expect(loadedWith('index.js').files.filter(machine)).toEqual([]);
});

it('who imports the package loads few files, and simulations and threads no ZeroMQ', () => {
  const whole = loadedWith('index.js');
  expect(whole.packages.filter((name) => !name.startsWith('node:')).toSorted()).toEqual(['msgpackr/pack', 'msgpackr/unpack']);
  expect(whole.files.length).toBeLessThanOrEqual(8);
  for (const file of ['simulator/index.js', 'pools/redis/renewer_thread.js', 'pools/nats/renewer_thread.js']) {
    const { packages } = loadedWith(file);
    expect([file, packages.length > 0, packages.includes('zeromq')]).toEqual([file, true, false]);
  }
});

it('the code is ASCII: V8 keeps its text in memory, with two bytes a letter where one needs them', () => {
  const files = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
  expect(files.length).toBeGreaterThan(20);
  // oxlint-disable-next-line no-control-regex
  expect(files.filter((name) => /[^\0-\x7f]/.test(readFileSync(join(ROOT, 'dist', name), 'utf8')))).toEqual([]);
});

it('no module is built twice: two classes of one name are not the same', () => {
  const sources = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js.map'))
    .flatMap((name) =>
      (JSON.parse(readFileSync(join(ROOT, 'dist', name), 'utf8')) as { sources: string[] }).sources.map((source) =>
        join(dirname(name), source),
      ),
    )
    .filter((source) => source.includes('src/'));
  expect(sources.length).toBeGreaterThan(200);
  expect(new Set(sources).size).toBe(sources.length);
});
