/** Small things that the integration tests share. */
import { expect } from 'vitest';
import {
  type ClientOptions,
  Client,
  GristmillError,
  JobError,
  type JobErrorCode,
  Master,
  type PolicyChoice,
  type Worker,
  type WorkerOptions,
} from '../../src/index.ts';
import type { Processes } from './processes.ts';

/** A client in this process that is closed when the test ends; silent unless asked. */
export function clientOf(cluster: Processes & { readonly address: string }, options: Partial<ClientOptions> = {}): Client {
  return cluster.uses(new Client({ address: cluster.address, logger: false, ...options }));
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

export async function texts(stream: AsyncIterable<Uint8Array>): Promise<string[]> {
  return (await collect(stream)).map((bytes) => Buffer.from(bytes).toString());
}

/** `job 0` to `job n-1`. */
export function* jobs(count: number): Generator<string> {
  for (let i = 0; i < count; i += 1) yield `job ${i}`;
}

/** All of them, whatever their order, each once. */
export function expectEach(results: readonly string[], expected: Iterable<string>): void {
  const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
  expect([...results].sort(byText)).toEqual([...expected].sort(byText));
}

/** What a promise rejects with. */
export async function thrownBy(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not reject');
}

export async function jobErrorOf(promise: Promise<unknown>, code: JobErrorCode): Promise<JobError> {
  const error = await thrownBy(promise);
  expect(error).toBeInstanceOf(JobError);
  expect(error).toBeInstanceOf(GristmillError);
  expect((error as JobError).code).toBe(code);
  return error as JobError;
}

/** What comes before the error, and the error. */
export async function untilError<T>(stream: AsyncIterable<T>): Promise<{ results: T[]; error: unknown }> {
  const results: T[] = [];
  try {
    for await (const one of stream) results.push(one);
  } catch (error) {
    return { results, error };
  }
  throw new Error(`it ended without an error, after ${results.length} results`);
}

/** A logger that keeps the lines. */
export function keepsLines(): { readonly lines: string[]; info(text: string): void; warn(text: string): void; error(text: string): void } {
  const lines: string[] = [];
  const keep = (text: string): void => void lines.push(text);
  return { lines, info: keep, warn: keep, error: keep };
}

/** A part of the scenario, never a wait for something: so long nothing must happen. */
export function pass(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Its memory is somebody else's now. */
export function transferred(bytes: Uint8Array): void {
  structuredClone(bytes.buffer, { transfer: [bytes.buffer as ArrayBuffer] });
}

/** A worker and a client of it, over sockets, with a master of their own. */
export interface Place<W extends Worker> extends AsyncDisposable {
  readonly client: Client<W>;
  readonly worker: W;
}

export async function startPlace<W extends Worker>(Kind: new (options: WorkerOptions) => W, policy?: PolicyChoice): Promise<Place<W>> {
  const master = new Master({ name: 'master', address: 'tcp://127.0.0.1:*', policy, logger: false });
  await master.start();
  const worker = new Kind({ name: 'worker', address: master.address, logger: false });
  await worker.start();
  const client = new Client<W>({ address: master.address, logger: false });
  return {
    client,
    worker,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await worker.stop();
      await master.stop();
    },
  };
}
