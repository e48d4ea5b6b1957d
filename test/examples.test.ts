/** The examples, as a newcomer runs them: each role a process of its own, whatever is started first. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, mkdir, readdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freeAddress, freePort } from './integration/ports.ts';
import { lives, Processes, ROOT, type Running } from './integration/processes.ts';

const WORKERS = ['worker1', 'worker2'];

/** One example with its processes. */
class Example extends Processes {
  readonly address: string;
  readonly #name: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor(name: string, address: string, env: Readonly<Record<string, string>> = {}, stuckMs?: number) {
    super(stuckMs);
    this.#name = name;
    this.address = address;
    this.#env = env;
  }

  role(file: 'master' | 'worker' | 'client', ...args: readonly string[]): Running {
    return this.node(`examples/${this.#name}/${file}.js`, [...args, this.address], this.#env);
  }

  /** Master and both workers, in this order; resolves when jobs would go to either worker. */
  async startAll(): Promise<readonly Running[]> {
    const started = [this.role('master'), ...WORKERS.map((name) => this.role('worker', name))];
    await Promise.all(started.map((running) => running.printed(/ (?:listens at|is ready)/)));
    return started;
  }
}

/** What a client printed, once it has ended well and said nothing on stderr. */
async function linesOf(client: Running): Promise<string[]> {
  const { code } = await client.ended;
  expect(client.err).toBe('');
  expect(code).toBe(0);
  return client.out.split('\n').slice(0, -1);
}

/** What each client prints, whoever of the workers did what. */
const PRINTS = {
  standalone_parallel: Array<string>(10).fill('workerN processed a message'),
  cache: [' cached data ', ...Array<string>(10).fill('workerN cached data a message')],
  scatter: [' cached data ', ...Array<string>(30).fill('workerN cached data a message')],
  gather: [' cached data ', ...Array<string>(29).fill('workerN cached data a message'), 'Final message'],
};

function nameless(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(/^worker[12]/, 'workerN'));
}

/** The workers that had a part in it. */
function workersIn(lines: readonly string[]): string[] {
  return WORKERS.filter((name) => lines.some((line) => line.startsWith(name)));
}

const CASES = [
  { name: 'standalone_parallel', policy: 'leastLoaded' },
  { name: 'standalone_parallel', policy: 'roundRobin' },
  { name: 'cache', policy: 'leastLoaded' },
  { name: 'scatter', policy: 'leastLoaded' },
  { name: 'gather', policy: 'leastLoaded' },
] as const;

describe.concurrent.each(CASES)('$name with $policy', ({ name, policy }) => {
  const env = { POLICY: policy };

  it('prints what it should, run again and again against the same master', async () => {
    await using example = new Example(name, await freeAddress(), env);
    await example.startAll();
    for (let run = 0; run < 3; run += 1) {
      const lines = await linesOf(example.role('client'));
      expect(nameless(lines)).toEqual(PRINTS[name]);
      expect(workersIn(lines)).toEqual(WORKERS);
    }
  });

  it('prints what it should for two clients at once', async () => {
    await using example = new Example(name, await freeAddress(), env);
    await example.startAll();
    const clients = [example.role('client'), example.role('client')];
    for (const client of clients) expect(nameless(await linesOf(client))).toEqual(PRINTS[name]);
  });

  it('can be started client first', async () => {
    await using example = new Example(name, await freeAddress(), env);
    const client = example.role('client');
    await client.printed(/^waiting for a master at tcp/);
    await example.startAll();
    const { code } = await client.ended;
    expect(code).toBe(0);
    expect(client.err).toBe(`waiting for a master at ${example.address}\n`);
    expect(nameless(client.out.split('\n').slice(0, -1))).toEqual(PRINTS[name]);
  });

  it('can be started workers first', async () => {
    await using example = new Example(name, await freeAddress(), env);
    const workers = WORKERS.map((worker) => example.role('worker', worker));
    await Promise.all(workers.map((worker) => worker.printed(/^waiting for a master at tcp/)));
    example.role('master');
    await Promise.all(workers.map((worker) => worker.printed(/ is ready/)));
    const lines = await linesOf(example.role('client'));
    expect(nameless(lines)).toEqual(PRINTS[name]);
    expect(workersIn(lines)).toEqual(WORKERS);
  });

  it('ends in order at SIGTERM and SIGINT', async () => {
    await using example = new Example(name, await freeAddress(), env);
    const master = example.role('master');
    const workers = WORKERS.map((worker) => example.role('worker', worker));
    await Promise.all([master, ...workers].map((running) => running.printed(/ (?:listens at|is ready)/)));
    workers[0]?.kill('SIGINT');
    workers[1]?.kill('SIGTERM');
    expect(await Promise.all(workers.map(({ ended }) => ended))).toEqual([
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    master.kill('SIGTERM');
    expect(await master.ended).toEqual({ code: 0, signal: null });
  });
});

describe('checksum', () => {
  const run = promisify(execFile);
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gristmill-checksum-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What sha256sum itself prints, sorted by bytes. */
  async function expected(of: string): Promise<string[]> {
    const { stdout } = await run('find', [of, '-type', 'f', '-exec', 'sha256sum', '{}', '+'], { maxBuffer: 2 ** 28 });
    return sorted(stdout);
  }

  function sorted(output: string): string[] {
    return output
      .split('\n')
      .slice(0, -1)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  it('prints of a real folder what sha256sum prints, line for line', { timeout: 120_000 }, async () => {
    // Ten thousand files: on a machine that is slow and busy that takes longer than other tests before they are stuck.
    await using example = new Example('checksum', await freeAddress(), {}, 100_000);
    await example.startAll();
    const client = example.role('client');
    await linesOf(client);
    // The test runner keeps notes of its own there.
    const stable = (lines: readonly string[]): string[] => lines.filter((line) => !line.includes('/node_modules/.vite'));
    const sums = stable(sorted(client.out));
    expect(sums.length).toBeGreaterThan(1_000);
    expect(sums).toEqual(stable(await expected(join(ROOT, 'node_modules'))));
  });

  it('prints odd names and odd files as sha256sum does', async () => {
    await mkdir(join(folder, 'odd', 'inner folder'), { recursive: true });
    const names = ['plain', ' spaces ', 'new\nline', 'back\\slash', 'carriage\rreturn', 'ümläut', '-dash', '*', 'inner folder/x'];
    await Promise.all(names.map((name) => writeFile(join(folder, 'odd', name), `bytes of ${name}`)));
    await writeFile(join(folder, 'odd/empty'), '');
    await writeFile(join(folder, 'odd/large'), Buffer.alloc(5_000_000, 'large'));
    await symlink('plain', join(folder, 'odd/link'));
    await symlink('nowhere', join(folder, 'odd/dangling'));
    await symlink('.', join(folder, 'odd/loop'));
    await using example = new Example('checksum', await freeAddress());
    await example.startAll();
    for (const of of [join(folder, 'odd'), `${join(folder, 'odd')}/`]) {
      const client = example.role('client', of);
      await linesOf(client);
      expect(sorted(client.out)).toEqual(await expected(of));
    }
  });

  it('tells of what it cannot read or send, goes on with the rest, and ends with exit code 1', async () => {
    await mkdir(join(folder, 'huge'));
    await writeFile(join(folder, 'huge/a'), 'a');
    await writeFile(join(folder, 'huge/huge'), '');
    await truncate(join(folder, 'huge/huge'), 2 ** 26 + 1);
    await writeFile(join(folder, 'huge/z'), 'z');
    await using example = new Example('checksum', await freeAddress());
    await example.startAll();
    const client = example.role('client', join(folder, 'huge'));
    expect((await client.ended).code).toBe(1);
    expect(client.err).toBe(`checksum: ${join(folder, 'huge/huge')}: ${2 ** 26 + 1} bytes are too many for one job\n`);
    expect(sorted(client.out)).toEqual((await expected(join(folder, 'huge'))).filter((line) => !line.endsWith('/huge')));
    const missing = example.role('client', join(folder, 'missing'));
    expect((await missing.ended).code).toBe(1);
    expect(missing.err).toMatch(/^checksum: .*missing: ENOENT/);
    expect(missing.out).toBe('');
  });
});

describe('pipelines', () => {
  const DONE = [
    // What the call asked for, as it was answered and as it was fetched.
    'queued',
    'done',
    'false',
    'done false: nobody asked for a worker',
    'queued: pipeline asked for a worker',
    'done true: request said no to workers',
  ];

  class Served extends Processes {
    readonly #address: string;
    readonly #port: number;

    constructor(address: string, port: number) {
      super();
      this.#address = address;
      this.#port = port;
    }

    role(file: 'server' | 'worker' | 'client', name = 'worker1'): Running {
      const url = `http://127.0.0.1:${this.#port}`;
      const args = { server: [this.#address, String(this.#port)], worker: [name, this.#address], client: [url] };
      return this.node(`examples/pipelines/${file}.js`, args[file]);
    }
  }

  it('prints what the document says, run again and again, and ends in order', async () => {
    await using served = new Served(await freeAddress(), await freePort());
    const server = served.role('server');
    const workers = WORKERS.map((name) => served.role('worker', name));
    await Promise.all([server, ...workers].map((running) => running.printed(/ (?:are served at|is ready)/)));
    for (let run = 0; run < 2; run += 1) expect(await linesOf(served.role('client'))).toEqual(DONE);
    const roles = [...workers, server];
    for (const running of roles) {
      running.kill('SIGTERM');
      expect(await running.ended).toEqual({ code: 0, signal: null });
      expect(running.err).toBe('');
    }
  });

  it('takes calls for workers when none is up', async () => {
    await using served = new Served(await freeAddress(), await freePort());
    await served.role('server').printed(/^pipelines are served at/);
    const client = served.role('client');
    await client.printed(/^queued$/);
    await served.role('worker').printed(/ is ready$/);
    expect(await linesOf(client)).toEqual(DONE);
  });
});

describe('waitgroup', () => {
  it('counts primes, parallel and sequential by turns', async () => {
    await using example = new Example('waitgroup', await freeAddress());
    await example.startAll();
    expect(await linesOf(example.role('client'))).toEqual(['below 1000: 168', 'below 10000: 1229', 'below 100000: 9592']);
  });
});

describe('grain', () => {
  it('keeps the best of each file, and says which cores each program got', async () => {
    await using example = new Example('grain', await freeAddress());
    const folder = await mkdtemp(join(tmpdir(), 'gristmill-grain-'));
    const [files, out] = [join(folder, 'in'), join(folder, 'out')];
    await Promise.all([mkdir(files), mkdir(out)]);
    const contents = {
      small: 'a few words',
      middle: 'words '.repeat(5_000),
      large: Array.from({ length: 60_000 }, (_, i) => i * i).join(),
    };
    for (const [name, text] of Object.entries(contents)) await writeFile(join(files, name), text);
    try {
      await example.startAll();
      const lines = await linesOf(example.role('client', files, out));
      expect(lines.at(-1)).toBe(`kept in ${out}`);
      for (const [name, text] of Object.entries(contents)) {
        const line = lines.find((one) => one.startsWith(`${name}: `)) ?? '';
        const kept = (await readdir(out)).find((one) => one.startsWith(`${name}.`)) ?? '';
        const program = { gz: 'gzip', bz2: 'bzip2', xz: 'xz' }[kept.split('.')[1] ?? ''] ?? 'none';
        expect(line).toContain(` with ${program} `);
        const { stdout } = await promisify(execFile)(program, ['-dc', join(out, kept)], { maxBuffer: 2 ** 24 });
        expect(stdout).toBe(text);
        const cores = Math.min(4, 1 + Math.floor(Math.log2(1 + text.length / 4_096) / 2));
        for (const [, got = ''] of line.matchAll(/ on (\d+(?:,\d+)*)/g)) expect(new Set(got.split(',')).size).toBe(cores);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('specialized', () => {
  const found = spawnSync('redis-server', ['--version']).status === 0;
  if (!found) console.warn('skipped: the example specialized needs redis-server (Debian: apt-get install redis-server)');

  it.skipIf(!found)('sorts on two Redis servers that its workers bring, and that end with them', async () => {
    await using example = new Example('specialized', await freeAddress());
    const [, ...workers] = await example.startAll();
    const lines = await linesOf(example.role('client'));
    expect(lines.map((line) => line.replace(/^redis-\d+/, 'redis'))).toHaveLength(10);
    for (const line of lines) expect(line).toMatch(/^redis-\d+ sorted (\d+ \d+ \d+)$/);
    const sums = lines.map((line) => line.split(' ').slice(2).map(Number));
    expect(sums.every(([a = 0, b, c]) => b === a + 1 && c === a + 2)).toBe(true);
    expect(sums.map(([a]) => a).sort((a = 0, b = 0) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const worker of workers) worker.kill('SIGTERM');
    for (const worker of workers) expect(await worker.ended).toEqual({ code: 0, signal: null });
    for (const line of lines) expect(lives(Number(/\d+/.exec(line)))).toBe(false);
  });
});

describe('backendless', () => {
  it('uses a service through a session that begins and ends with the head', async () => {
    await using example = new Example('backendless', await freeAddress());
    const service = example.node('examples/backendless/service.js', ['0']);
    await service.printed(/^service at /);
    const url = /^service at (\S+)/m.exec(service.out)?.[1] as string;
    const master = example.node('examples/backendless/master.js', [example.address], { SERVICE: url });
    await master.printed(/ listens at /);
    expect(await linesOf(example.role('client'))).toEqual(['A MESSAGE', 'ANOTHER', 'AND A LAST ONE']);
    master.kill('SIGTERM');
    expect(await master.ended).toEqual({ code: 0, signal: null });
    await service.printed(/^session1 ends/);
    expect(service.out.split('\n').slice(1)).toEqual(['session1 begins', 'session1 ends', '']);
  });
});
