/** Node takes more than ten listeners of one signal for a leak, and says so. Whatever takes a signal may share it with as many as there are. */
import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { exec1, runCombine } from '../../src/combine/index.ts';
import { type JobContext, Worker } from '../../src/index.ts';
import { INPUT, OUTPUT, Pipeline, PipelineNode } from '../../src/pipelines/index.ts';
import { MemoryPool, type Mill, startMill } from '../../src/testing/index.ts';
import { collect } from './helpers.ts';

const MANY = 12;

/** Until it is cancelled. */
async function waits(_: Buffer, { signal }: { signal: AbortSignal }): Promise<void> {
  Fixture.begun += 1;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

class Fixture extends Worker {
  static begun = 0;

  async waits(message: Buffer, job: JobContext): Promise<void> {
    await waits(message, job);
  }

  /** What a function calls shares the signal of its job. */
  async calls(_: Buffer, job: JobContext): Promise<void> {
    await Promise.allSettled(times(() => job.call('waits', 'x')));
  }

  async streams(_: Buffer, job: JobContext): Promise<void> {
    await Promise.allSettled(times(() => collect(job.job('waits', ['x']))));
  }
}

function times<T>(make: () => T): T[] {
  return Array.from({ length: MANY }, make);
}

const WAITING = new PipelineNode({ op: waits, inputs: [INPUT], outputs: [OUTPUT] });

type Sharing = (signal: AbortSignal, mill: Mill<Fixture>) => Promise<unknown>[];

const CASES: Record<string, Sharing> = {
  calls: (signal, { client }) => times(() => client.call('waits', 'x', { signal })),
  streams: (signal, { client }) => times(() => collect(client.job('waits', ['x'], { signal }))),
  'jobs of streams': (signal, { client }) => times(() => collect(client.job('waits', [{ payload: 'x', signal }]))),
  'calls of a function': (signal, { client }) => [client.call('calls', 'x', { signal })],
  'streams of a function': (signal, { client }) => [client.call('streams', 'x', { signal })],
  'those that wait for a submitted job': (signal) => {
    const pool = new MemoryPool();
    return times(async () => await pool.ended(await pool.submit('waits', 'x'), { signal }));
  },
  'runs of a pipeline': (signal) => times(() => new Pipeline({ name: 'p', nodes: [WAITING] }).run(Buffer.from('x'), { signal })),
  'programs with groups': (signal, { master, network }) => {
    const options = { address: master.address, transport: network.transport(), logger: false, signal } as const;
    return times(() => runCombine(() => exec1(undefined, 'waits', 'x'), options));
  },
};

it.each(Object.keys(CASES))('%s: they share a signal, and Node warns of no leak', async (name) => {
  await using mill = await startMill(Fixture, { slots: 4 * MANY });
  Fixture.begun = 0;
  const heard: Error[] = [];
  const hear = (warning: Error): number => heard.push(warning);
  process.on('warning', hear);
  const abort = new AbortController();
  const shared = CASES[name]?.(abort.signal, mill) ?? [];
  await expect.poll(() => Math.max(Fixture.begun, getEventListeners(abort.signal, 'abort').length)).toBeGreaterThanOrEqual(MANY);
  abort.abort(new Error('enough'));
  await Promise.allSettled(shared);
  // Node warns behind the microtasks.
  await new Promise(setImmediate);
  process.off('warning', hear);
  expect(heard.map(({ message }) => message)).toEqual([]);
});
