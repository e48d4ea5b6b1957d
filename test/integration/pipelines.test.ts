/** Pipelines behind a pool, with processes of their own: what a killed worker had is done elsewhere, and a second server knows of it. */
import { expect, it } from 'vitest';
import { Master, MasterPool } from '../../src/index.ts';
import { INPUT, OUTPUT, Pipeline, PipelineNode, PipelinesClient, PipelinesServer } from '../../src/pipelines/index.ts';
import { freeAddress } from './ports.ts';
import { Processes } from './processes.ts';

/** What this process knows of it: its name, its types, and that it goes to workers. */
const slow = new Pipeline({
  name: 'slow',
  useWorker: true,
  nodes: [new PipelineNode({ op: (n: number) => n, inputs: [INPUT], outputs: [OUTPUT] })],
});
const WORKER = 'test/integration/fixtures/pipelines_worker.mjs';

it('a pipeline whose worker is killed in the middle is run by another, and its job is known to another server', async () => {
  const address = await freeAddress();
  await using processes = new Processes();
  await using master = new Master({ name: 'master', address, logger: false });
  await master.start();
  await using pool = new MasterPool({ address, logger: false });
  await using server = new PipelinesServer({ pipelines: [slow], pool, logger: false });
  await server.start();
  const client = new PipelinesClient(server.url as string);
  const called = await client.callPipeline(slow, 4);
  expect(called).toMatchObject({ status: 'queued', why: 'pipeline asked for a worker' });

  const first = processes.node(WORKER, ['worker1', address]);
  await first.printed(/^begun/);
  const second = processes.node(WORKER, ['worker2', address]);
  await second.printed(/^welcomed/);
  first.kill('SIGKILL');
  await server.stop();

  await using otherPool = new MasterPool({ address, logger: false });
  await using other = new PipelinesServer({ pipelines: [slow], pool: otherPool, logger: false });
  await other.start();
  const job = await new PipelinesClient(other.url as string).fetchJob(called.jobId as string, slow, { waitMs: 25_000 });
  expect(job).toMatchObject({ status: 'done', value: 10, attempts: 2 });
});

it('spawning a worker does not wait for it, and it serves', async () => {
  const address = await freeAddress();
  await using master = new Master({ name: 'master', address, logger: false });
  await master.start();
  await using pool = new MasterPool({ address, logger: false });
  await using server = new PipelinesServer({ pipelines: [slow], pool, logger: false });
  await server.start();
  const client = new PipelinesClient(server.url as string);
  const { jobId } = await client.callPipeline(slow, 1);
  await using worker = await pool.spawnWorker(new URL('fixtures/pipelines_worker.mjs', import.meta.url), { name: 'spawned' });
  expect(await client.fetchJob(jobId as string, slow, { waitMs: 25_000 })).toMatchObject({ status: 'done', value: 4 });
  expect(await client.healthCheck(slow)).toEqual({ status: 'ok', workers: 1 });
  await worker.stop();
});
