/** Calls that go to workers: server, HTTP client, pool, master and workers, all but the network between the last real. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { INPUT, OUTPUT, Pipeline, PipelineError, PipelineNode, PipelinesClient, PipelinesWorker } from '../../src/pipelines/index.ts';
import type { MasterPool } from '../../src/pools/master_pool.ts';
import { Worker } from '../../src/worker/worker.ts';
import { freePort } from '../integration/ports.ts';
import { echo, fails, Held, isOdd, rejection, startWorld, type World } from './world.ts';

/** The id of a call that went to a worker. */
async function queued<I>(world: World, pipeline: Pipeline<I>, input: NoInfer<I>): Promise<string> {
  const result = await world.client.callPipeline(pipeline, input, { useWorker: true });
  expect(result).toEqual({ status: 'queued', jobId: expect.any(String), why: 'request asked for a worker' });
  return result.jobId as string;
}

describe('a call that goes to a worker', () => {
  it('is answered at once, though no worker is up, and its value can be fetched later', async () => {
    await using world = await startWorld({ withPool: true });
    const jobId = await queued(world, isOdd, 4);
    expect(await world.client.fetchJob(jobId, isOdd)).toEqual({ jobId, status: 'queued', attempts: 0 });
    await world.worker([isOdd]);
    const job = await world.client.fetchJob(jobId, isOdd, { waitMs: 20_000 });
    expect(job).toEqual({ jobId, status: 'done', attempts: 1, value: true });
    expect(await world.client.fetchJob(jobId, 'is_odd')).toEqual(job);
  });

  it.each([
    [true, undefined, undefined, 'queued', 'app asked for a worker'],
    [true, undefined, false, 'done', 'request said no to workers'],
    [undefined, true, undefined, 'queued', 'pipeline asked for a worker'],
    [false, true, true, 'done', 'app said no to workers'],
    [undefined, undefined, undefined, 'done', 'nobody asked for a worker'],
  ])('goes there by the rule: app %s, pipeline %s, request %s', async (useWorkers, useWorker, request, status, why) => {
    const node = new PipelineNode({ op: (n: number) => n, inputs: [INPUT], outputs: [OUTPUT] });
    const pipeline = new Pipeline({ name: 'p', nodes: [node], useWorker });
    await using world = await startWorld({ withPool: true, pipelines: [pipeline], useWorkers });
    const options = request === undefined ? {} : { useWorker: request };
    expect(await world.client.callPipeline(pipeline, 1, options)).toMatchObject({ status, why });
  });

  it('that fails keeps message, stack and attempts', async () => {
    await using world = await startWorld({ withPool: true, jobOptions: { retries: { attempts: 2, minMs: 1, maxMs: 2 } } });
    await world.worker([fails]);
    const jobId = await queued(world, fails, 'boom');
    expect(await world.client.fetchJob(jobId, fails, { waitMs: 20_000 })).toEqual({
      jobId,
      status: 'failed',
      attempts: 3,
      error: {
        code: 'function-threw',
        message: expect.stringContaining("pipeline 'fails', node 'thrower': boom"),
        stack: expect.stringMatching(/caused by RangeError: boom\n +at .*world\.ts/),
        attempts: 3,
      },
    });
  });

  it('goes to a worker that has its pipeline, and waits for one', async () => {
    await using world = await startWorld({ withPool: true });
    await world.worker([isOdd]);
    const jobs = [await queued(world, isOdd, 3), await queued(world, isOdd, 4)];
    const values = await Promise.all(jobs.map((id) => world.client.fetchJob(id, isOdd, { waitMs: 20_000 })));
    expect(values.map(({ value }) => value)).toEqual([false, true]);
    await world.worker([echo]);
    const echoed = await queued(world, echo, { deep: [null, 'ü'] });
    expect(await world.client.fetchJob(echoed, echo, { waitMs: 20_000 })).toMatchObject({ status: 'done', value: { deep: [null, 'ü'] } });
  });

  it('is waited for on the server, until it is done or the time is over', async () => {
    const held = new Held();
    await using world = await startWorld({ withPool: true, pipelines: [held.pipeline] });
    await world.worker([held.pipeline]);
    const jobId = await queued(world, held.pipeline, 1);
    await held.until(() => held.count === 1);
    let job = await world.client.fetchJob(jobId, held.pipeline, { waitMs: 30 });
    // The master hears a little later than the function that it has begun.
    while (job.status === 'queued') job = await world.client.fetchJob(jobId, held.pipeline, { waitMs: 30 });
    expect(job).toEqual({ jobId, status: 'running', attempts: 1 });
    let answered = false;
    const waiting = world.client.fetchJob(jobId, held.pipeline, { waitMs: 20_000 }).finally(() => {
      answered = true;
    });
    // One that does not wait is answered meanwhile.
    expect(await world.client.fetchJob(jobId, held.pipeline)).toMatchObject({ status: 'running' });
    expect(answered).toBe(false);
    held.end('at last');
    expect(await waiting).toEqual({ jobId, status: 'done', attempts: 1, value: 'at last' });
  });

  it('does not look for its job more often than it must while it waits', async () => {
    const held = new Held();
    await using world = await startWorld({ withPool: true, pipelines: [held.pipeline] });
    const { looks } = counted(world.pool as MasterPool);
    const jobId = await queued(world, held.pipeline, 1);
    await world.client.fetchJob(jobId, held.pipeline, { waitMs: 500 });
    // 10, 15, 22, … 166 ms: at once, after eight delays of which the last is cut, and no more.
    expect(looks()).toBeLessThan(13);
    expect(looks()).toBeGreaterThan(0);
  });

  // Also one that would have to ask more than once in that time.
  it.each([20_000, 200_000])('is answered as it is when the server stops within the %i ms that it waits', async (waitMs) => {
    const held = new Held();
    await using world = await startWorld({ withPool: true, pipelines: [held.pipeline] });
    const { looked } = counted(world.pool as MasterPool);
    const jobId = await queued(world, held.pipeline, 1);
    const waiting = world.client.fetchJob(jobId, held.pipeline, { waitMs });
    await looked;
    await world.server.stop();
    expect(await waiting).toEqual({ jobId, status: 'queued', attempts: 0 });
  });

  it('outlives the server', async () => {
    await using world = await startWorld({ withPool: true });
    const jobId = await queued(world, isOdd, 4);
    await world.server.stop();
    await world.worker([isOdd]);
    await using second = await world.another();
    expect(await new PipelinesClient(second.url as string).fetchJob(jobId, isOdd, { waitMs: 20_000 })).toMatchObject({
      status: 'done',
      value: true,
    });
  });
});

/** Counts how often a pool is asked for jobs. */
function counted(pool: MasterPool): { readonly looks: () => number; readonly looked: Promise<void> } {
  let looks = 0;
  let tell: () => void;
  const looked = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const fetch = pool.fetch.bind(pool);
  pool.fetch = async (id) => {
    const record = await fetch(id);
    looks += 1;
    tell();
    return record;
  };
  return { looks: () => looks, looked };
}

describe('a node that names a worker function', () => {
  class Adder extends Worker {
    add(message: Buffer): string {
      return JSON.stringify((JSON.parse(message.toString()) as number) + 1);
    }
    *twice(message: Buffer): Generator<Buffer> {
      yield message;
      yield message;
    }
    bad(message: Buffer): string {
      throw new RangeError(`not ${message.toString()}`);
    }
  }
  const using = (op: string): Pipeline<number> =>
    new Pipeline({
      name: 'remote',
      nodes: [
        new PipelineNode({ op: (n: number) => n * 2, inputs: [INPUT], outputs: ['doubled'] }),
        new PipelineNode({ op, inputs: ['doubled'], outputs: [OUTPUT] }),
      ],
    });

  it('calls it from the server, and from a worker of pipelines, which lends its slot meanwhile', async () => {
    const remote = using('add');
    await using world = await startWorld({ withPool: true, pipelines: [remote] });
    await world.workerOf(Adder);
    expect(await world.client.callPipeline(remote, 4)).toMatchObject({ status: 'done', value: 9 });
    await world.worker([remote]);
    const jobId = await queued(world, remote, 5);
    expect(await world.client.fetchJob(jobId, remote, { waitMs: 20_000 })).toMatchObject({ status: 'done', value: 11 });
  });

  it('fails with the function’s error, or for another number of results than one', async () => {
    await using world = await startWorld({ withPool: true, pipelines: [using('bad')] });
    await world.workerOf(Adder);
    const bad = await world.client.callPipeline('remote', 4);
    expect(bad).toMatchObject({
      status: 'failed',
      error: { code: 'node-failed', message: expect.stringMatching(/^pipeline 'remote', node 'bad': .*not 8/) },
    });
    expect(bad.error?.stack).toMatch(/caused by RangeError: not 8\n +at Adder\.bad/);
    await using other = await startWorld({ withPool: true, pipelines: [using('twice')] });
    await other.workerOf(Adder);
    expect(await other.client.callPipeline('remote', 4)).toMatchObject({
      error: { message: "pipeline 'remote', node 'twice': worker function 'twice': expected one result, got 2" },
    });
  });
});

describe('a client', () => {
  it('is refused what is not there', async () => {
    await using world = await startWorld({ withPool: true });
    const jobId = await queued(world, isOdd, 4);
    const asked = [
      world.client.callPipeline('nope', 1),
      world.client.fetchJob(jobId, 'nope'),
      world.client.fetchJob(jobId, echo),
      world.client.fetchJob(`${jobId.slice(0, -1)}x`, isOdd),
      world.client.fetchJob(`is_odd-${'0'.repeat(32)}`, isOdd, { waitMs: 20_000 }),
      world.client.healthCheck('nope'),
    ];
    const errors = (await Promise.all(asked.map(rejection))) as PipelineError[];
    expect(errors.map(({ code, httpStatus }) => [code, httpStatus])).toEqual([
      ['unknown-pipeline', 404],
      ['unknown-pipeline', 404],
      ['unknown-job', 404],
      ['unknown-job', 404],
      ['unknown-job', 404],
      ['unknown-pipeline', 404],
    ]);
    expect(errors.every((error) => error instanceof PipelineError)).toBe(true);
    expect(errors[2]?.message).toBe(`pipeline 'echo' has no job '${jobId}', or its record has expired`);
  });

  it('is told that there is no pool', async () => {
    await using world = await startWorld();
    expect(await rejection(world.client.callPipeline(isOdd, 4, { useWorker: true }))).toMatchObject({
      code: 'no-pool',
      message: "pipeline 'is_odd': request asked for a worker, but the server has no pool of workers",
    });
    expect(await world.client.healthCheck()).toEqual({ status: 'ok', workers: null });
    expect(await world.client.availablePipelines()).toEqual(['is_odd', 'echo', 'fails'].map((name) => ({ name, useWorker: null })));
  });

  it('is told that nobody is there, that it takes too long, and that it is another server', async () => {
    const answers: Record<string, [number, string]> = {
      '/a': [200, 'hello'],
      '/b': [502, '<html>'],
      '/c': [404, '{"error":{"code":"ENOENT"}}'],
    };
    const server = createServer((request, response) => {
      const answer = answers[(request.url ?? '').slice(0, 2)];
      if (answer !== undefined) response.writeHead(answer[0]).end(answer[1]);
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const ask = (path: string): Promise<unknown> => rejection(new PipelinesClient(url + path).callPipeline('p', 1));
    expect(await Promise.all([ask('/a'), ask('/b'), ask('/c/')])).toMatchObject([
      { code: 'unreachable', message: `${url}/a: HTTP 200, and no answer of a PipelinesServer` },
      { code: 'unreachable', httpStatus: 502 },
      { code: 'unreachable', httpStatus: 404 },
    ]);
    const slow = new PipelinesClient(`${url}/slow`, { timeoutMs: 20 });
    expect(await rejection(slow.callPipeline('p', 1))).toMatchObject({ code: 'timed-out', message: `${url}/slow: no answer within 20 ms` });
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const gone = await rejection(new PipelinesClient(nobody).callPipeline('p', 1));
    expect(gone).toMatchObject({ code: 'unreachable', message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/) });
  });

  it.each([
    [
      'a URL that is none',
      () => new PipelinesClient('localhost:5600'),
      'PipelinesClient: expected a URL such as \'http://127.0.0.1:5600\', got "localhost:5600"',
    ],
    ['another protocol', () => new PipelinesClient('tcp://127.0.0.1:1'), 'PipelinesClient: expected a URL such as'],
    ['no URL', () => new PipelinesClient(5 as unknown as string), 'PipelinesClient: expected a URL, got 5'],
    [
      'no pipelines for a worker',
      () => new PipelinesWorker({ pipelines: [], address: 'tcp://127.0.0.1:1' }),
      'PipelinesWorker: pipelines: expected at least one, got an array of 0',
    ],
    [
      'an unknown option of a worker',
      () => new PipelinesWorker({ pipelines: [isOdd], address: 'tcp://127.0.0.1:1', slot: 1 } as never),
      "unknown option 'slot'",
    ],
  ])('refuses %s', (_what, act, message) => {
    expect(act).toThrow(message);
  });

  it('refuses wrong arguments before anything is sent', async () => {
    const client = new PipelinesClient('http://127.0.0.1:9/');
    const messages = await Promise.all(
      [
        client.callPipeline('', 1),
        client.callPipeline(isOdd, 1, { useWorkers: true } as never),
        client.callPipeline('p', 1n),
        client.fetchJob(5 as never, isOdd),
        client.fetchJob('x', isOdd, { waitMs: -1 }),
      ].map(rejection),
    );
    expect(messages.map((error) => (error as Error).message)).toEqual([
      'callPipeline: expected a Pipeline or its name, got ""',
      "callPipeline: unknown option 'useWorkers'; known are useWorker, signal",
      'input: expected a value that JSON can say: Do not know how to serialize a BigInt',
      'fetchJob: jobId: expected a string, got 5',
      'fetchJob: waitMs: expected a whole number from 0 to 9007199254740991, got -1',
    ]);
  });
});
