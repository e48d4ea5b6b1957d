import { beforeEach, describe, expect, it } from 'vitest';
import {
  Client,
  ClosedError,
  grain,
  JobError,
  Master,
  type MasterOptions,
  SpecializedWorker,
  type SpecializedWorkerOptions,
} from '../../src/index.ts';
import { MemoryNetwork } from '../../src/testing/index.ts';

const COUNTED = 'test/specialized/fixtures/counted.mjs';
const BACKENDLESS = 'test/specialized/fixtures/backendless';
const ADDRESS = 'memory://head';

/** What the fixtures wrote down, and what is to go wrong in them. */
const told = globalThis as { written?: string[]; script?: Record<string, unknown> | undefined };

class Head extends MemoryNetwork implements AsyncDisposable {
  readonly errors: string[] = [];
  readonly master: Master;
  readonly client: Client;
  readonly workers: SpecializedWorker[] = [];
  /** Three tasklets that hold something at the same time. */
  #holding = 0;
  #all: () => void = () => undefined;
  readonly #three = new Promise<void>((resolve) => (this.#all = resolve));

  constructor(options: Partial<MasterOptions> = {}) {
    super();
    const logger = { info: () => undefined, warn: () => undefined, error: (line: string) => void this.errors.push(line) };
    const own = { name: 'head', address: ADDRESS, transport: this.transport(), logger, specializedType: COUNTED };
    this.master = new Master({ ...own, ...options });
    this.master.tasklet('reach', (message, job) =>
      (job.context as { reach(what: string): string }).reach(`${job.instance}: ${message.toString()}`),
    );
    this.master.tasklet('holds', async (_, job) => {
      this.#holding += 1;
      if (this.#holding === 3) this.#all();
      await this.#three;
      return job.resources.cores?.join() ?? 'none';
    });
    this.master.tasklet('waits', async (message, job) => {
      (told.written ??= []).push(`waits ${message.toString()}`);
      await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
      told.written.push(`aborted ${message.toString()}`);
    });
    this.client = new Client({ address: ADDRESS, transport: this.transport(), logger: false });
  }

  worker(options: Partial<SpecializedWorkerOptions> = {}): SpecializedWorker {
    const worker = new SpecializedWorker({
      specializedType: COUNTED,
      address: ADDRESS,
      transport: this.transport(),
      logger: false,
      ...options,
    });
    this.workers.push(worker);
    return worker;
  }

  async reach(what: string): Promise<string> {
    return String(await this.client.call('reach', what));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await Promise.all(this.workers.map((worker) => worker.stop()));
    await this.master.stop({ deadlineMs: 0 });
  }
}

async function startHead(options: Partial<MasterOptions> = {}): Promise<Head> {
  const head = new Head(options);
  await head.master.start();
  return head;
}

beforeEach(() => {
  told.written = [];
  told.script = undefined;
});

/** What was written, without the number of the instance. */
const written = (): string[] => (told.written ?? []).map((line) => line.replaceAll(/server\d+/g, 'server'));

describe('a specialized worker', () => {
  it('sets up run, then context; tasklets run on the head with its client; and both are cleaned up when it stops', async () => {
    await using head = await startHead();
    const worker = head.worker();
    await worker.start();
    expect(await head.reach('a key')).toMatch(new RegExp(`^${worker.name}: a key at 7\\d\\d\\d$`));
    await worker.stop();
    await expect.poll(written).toHaveLength(4);
    expect(written().slice(0, 2)).toEqual(['run server', 'context of server']);
    expect(written().slice(2).sort()).toEqual(['context of server is cleaned up', 'run of server is cleaned up']);
    expect(head.master.status().workers).toEqual([]);
  });

  it('may have several instances, of which each has what it set up itself', async () => {
    await using head = await startHead();
    const workers = [head.worker(), head.worker()];
    await Promise.all(workers.map((worker) => worker.start()));
    await expect.poll(() => head.master.status().workers.length).toBe(2);
    const jobs = Array.from({ length: 50 }, (_, i) => String(i));
    const results = [];
    for await (const result of head.client.job('reach', jobs)) results.push(String(result).split(':')[0]);
    expect(new Set(results)).toEqual(new Set(workers.map(({ name }) => name)));
  });

  it("has its worker's resources bound while its tasklets run on the head", async () => {
    await using head = await startHead({ policy: grain() });
    await head.worker({ resources: { cores: [3, 4, 5], token: 'gpu' } }).start();
    const jobs = Array.from({ length: 3 }, (_, i) => String(i));
    const seen: string[] = [];
    for await (const result of head.client.job('holds', jobs, { resources: { cores: 1, token: 'gpu' } })) seen.push(String(result));
    expect(seen.sort()).toEqual(['3', '4', '5']);
  });

  it('does not fail jobs that come before it is set up', async () => {
    await using head = await startHead();
    let go: (value?: unknown) => void = () => undefined;
    told.script = { contextWaits: new Promise((resolve) => (go = resolve)) };
    const asked = head.reach('early');
    await head.worker().start();
    await expect.poll(written).toContain('context of server');
    go();
    expect(await asked).toMatch(/early/);
  });

  it('that is gone has its jobs done by another, and its context is cleaned up', async () => {
    await using head = await startHead();
    const first = head.worker();
    await first.start();
    const waiting = head.client.call('waits', 'x').catch((error: unknown) => error);
    await expect.poll(written).toContain('waits x');
    await Promise.all([head.worker().start(), first.stop()]);
    await expect.poll(() => written().filter((line) => line === 'waits x').length).toBe(2);
    expect(written()).toContain('aborted x');
    expect(written()).toContain('context of server is cleaned up');
    await head.client.close();
    await waiting;
  });

  it('keeps its server when the head stops, whose context is cleaned up, and serves the next head', async () => {
    await using head = await startHead();
    await head.worker().start();
    await head.reach('x');
    await head.master.stop();
    expect(written().at(-1)).toBe('context of server is cleaned up');
    const next = new Master({ name: 'next', address: ADDRESS, transport: head.transport(), logger: false, specializedType: COUNTED });
    next.tasklet('reach', () => 'next');
    await next.start();
    expect(await head.reach('x')).toBe('next');
    await next.stop({ deadlineMs: 0 });
  });

  it('fails to start when its run fails, and the head never hears of it', async () => {
    await using head = await startHead();
    told.script = { run: 'throws' };
    await expect(head.worker().start()).rejects.toThrow('no server');
    told.script = { run: 'nothing' };
    await expect(head.worker().start()).rejects.toThrow(/^run of .*: expected it to yield once, but it ended without a yield$/);
    told.script = { run: 'nameless' };
    await expect(head.worker().start()).rejects.toThrow(/expected it to yield \{ name, … \} with a name that is not empty/);
    told.script = { run: 'long' };
    await expect(head.worker().start()).rejects.toThrow(/: what its run yields: expected at most 262144 bytes in all .*, got 262/);
    expect(written()).toEqual(['run server', 'run of server is cleaned up', 'run server', 'run of server is cleaned up']);
    expect(head.errors).toEqual([]);
  });

  it('is sent away, and cleaned up, when its context fails', async () => {
    await using head = await startHead();
    told.script = { context: 'throws' };
    const worker = head.worker();
    const closed = worker.events.once('closed');
    await worker.start();
    expect((await closed).error).toMatchObject({
      code: 'refused',
      message: expect.stringMatching(/set-up on the head failed: no client/) as unknown,
    });
    expect(written()).toEqual(['run server', 'context of server', 'run of server is cleaned up']);
    expect(head.errors).toEqual([expect.stringMatching(/^server\d+: no client$/)]);
  });

  it('is sent away by a head that was not told its type, that has its name already, or that knows no such workers', async () => {
    await using head = await startHead();
    told.script = { name: 'twin' };
    await head.worker().start();
    await head.reach('x');
    const twin = head.worker();
    const closed = twin.events.once('closed');
    await twin.start().catch(() => undefined);
    expect((await closed).error?.message).toMatch(/an instance 'twin' is there already: names are unique/);
    await using other = new Head({ specializedType: BACKENDLESS });
    await other.master.start();
    const stranger = other.worker();
    const away = stranger.events.once('closed');
    await stranger.start().catch(() => undefined);
    expect((await away).error?.message).toMatch(/this master has no specializedType '.*counted.mjs'; it was told .*backendless/);
  });

  it('says that a clean-up failed, and goes on', async () => {
    await using head = await startHead();
    told.script = { cleanUp: 'throws' };
    const worker = head.worker();
    await worker.start();
    await head.reach('x');
    await worker.stop();
    await expect.poll(() => head.errors).toEqual([expect.stringMatching(/^server\d+: its clean-up failed: Error: cannot disconnect$/)]);
  });

  it('can be stopped before its run has yielded', async () => {
    await using head = await startHead();
    let go: (value?: unknown) => void = () => undefined;
    told.script = { runWaits: new Promise((resolve) => (go = resolve)) };
    const worker = head.worker();
    const started = worker.start();
    await expect.poll(written).toContain('run server');
    const stopped = worker.stop();
    go();
    await Promise.all([started, stopped]);
    expect(written()).toEqual(['run server', 'run of server is cleaned up']);
  });
});

describe('a backendless specialized worker', () => {
  it('has both set-ups on the head, from its start to its stop, and no other process', async () => {
    const head = await startHead({ specializedType: BACKENDLESS });
    expect(written()).toEqual(['run server', 'context of server']);
    expect(await head.reach('x')).toMatch(/^server\d+: x at/);
    await head[Symbol.asyncDispose]();
    expect(written().slice(2)).toEqual(['context of server is cleaned up', 'run of server is cleaned up']);
  });

  it('may have more instances, which come and go', async () => {
    await using head = await startHead({ specializedType: BACKENDLESS });
    const added = await head.master.addInstance(BACKENDLESS, { slots: 2 });
    expect(head.master.status().workers.map(({ name }) => name)).toContain(added.name);
    await added.stop();
    expect(head.master.status().workers).toHaveLength(1);
    expect(written().slice(-2)).toEqual(['context of server is cleaned up', 'run of server is cleaned up']);
  });

  it.each([
    [{ run: 'throws' }, 'no server', []],
    [{ context: 'throws' }, 'no client', ['run server', 'context of server', 'run of server is cleaned up']],
  ])('fails the start of the head when a set-up fails, and is cleaned up: %o', async (script, message, lines) => {
    const head = new Head({ specializedType: BACKENDLESS });
    told.script = script;
    await expect(head.master.start()).rejects.toThrow(message);
    expect(written()).toEqual(lines);
    await head[Symbol.asyncDispose]();
  });
});

describe('a head that is stopped while it sets an instance up', () => {
  it.each([0, 1, 2, 4, 8, 16])('rejects its start with a ClosedError, and cleans up, %i turns later', async (turns) => {
    const head = new Head({ specializedType: BACKENDLESS });
    let go: (value?: unknown) => void = () => undefined;
    told.script = { runWaits: new Promise((resolve) => (go = resolve)) };
    const started = head.master.start().catch((error: unknown) => error);
    await expect.poll(written).toContain('run server');
    const stopped = head.master.stop();
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    go();
    await stopped;
    expect(await started).toBeInstanceOf(ClosedError);
    expect(written().toSorted()).toEqual([
      'context of server',
      'context of server is cleaned up',
      'run of server is cleaned up',
      'run server',
    ]);
    await head[Symbol.asyncDispose]();
  });
});

describe('what is wrong is said', () => {
  it('of modules and types', async () => {
    await expect(startHead({ specializedType: './nowhere' })).rejects.toThrow(/specialized worker '\.\/nowhere': no such module/);
    await expect(startHead({ specializedType: 'test/specialized/fixtures/none.mjs' })).rejects.toThrow(
      /expected its default export to be made by/,
    );
    await using head = await startHead();
    await expect(head.worker({ specializedType: BACKENDLESS }).start()).rejects.toThrow(/is backendless: it runs on the head/);
    await expect(head.master.addInstance(COUNTED)).rejects.toThrow(/is not backendless: start a worker of it/);
    await expect(head.master.addInstance('x')).rejects.toThrow(/no specializedType 'x'/);
  });

  it('of tasklets', async () => {
    const options = {
      name: 'm',
      address: ADDRESS,
      transport: new MemoryNetwork().transport(),
      logger: false as const,
      specializedType: COUNTED,
    };
    const master = new Master(options);
    expect(() => master.tasklet('start', () => '')).toThrow(/^tasklet: name: expected none of Worker's own/);
    expect(() => master.tasklet('_x', () => '')).toThrow(RangeError);
    expect(() => master.tasklet('x', 7 as never)).toThrow(/^tasklet: expected a function, got 7/);
    await expect(master.start()).rejects.toThrow(/^start: expected a tasklet/);
    master.tasklet('x', () => '');
    expect(() => master.tasklet('x', () => '')).toThrow(/'x' is there already/);
    await master.start();
    expect(() => master.tasklet('y', () => '')).toThrow(/comes too late/);
    await master.stop();
  });

  it('of a function that is no tasklet', async () => {
    await using head = await startHead();
    await head.worker().start();
    await head.reach('x');
    await expect(head.client.call('other', '')).rejects.toThrow(JobError);
  });
});
