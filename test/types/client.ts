/** What the type system must allow and refuse for clients. Lines marked with `@ts-expect-error` must not compile. */
import { Client, MasterPool, openPool, Worker } from 'gristmill';
import type {
  FunctionsOf,
  JobContext,
  JobError,
  JobItem,
  JobStream,
  Master,
  MasterStatus,
  Settled,
  StreamOptions,
  WorkerAnswer,
  WorkerFunction,
  WorkerPool,
} from 'gristmill';

class MyWorker extends Worker {
  readonly version = 3;

  foo(message: Buffer): string {
    return `${this.name} processed ${message.toString()}`;
  }

  async bar(message: Buffer, job: JobContext): Promise<Buffer> {
    return await job.call('foo', message);
  }

  *many(message: Buffer): Generator<Buffer> {
    yield message;
  }

  async *later(message: Buffer): AsyncGenerator<string> {
    yield message.toString();
  }

  async sooner(message: Buffer): Promise<Generator<Buffer>> {
    return this.many(message);
  }

  async latest(message: Buffer): Promise<AsyncGenerator<string>> {
    return this.later(message);
  }

  *inferred(message: Buffer) {
    yield message;
    yield 'text';
  }

  entries(message: Buffer): IterableIterator<string> {
    return new Set([message.toString()]).values();
  }

  perhaps(message: Buffer): Buffer | undefined {
    return message.length > 0 ? message : undefined;
  }

  nothing(): void {}

  async nothingLater(): Promise<void> {}

  list(message: Buffer): Buffer[] {
    return [message];
  }

  async listLater(message: Buffer): Promise<string[]> {
    return [message.toString()];
  }

  bag(message: Buffer): Set<Buffer> {
    return new Set([message]);
  }

  async countLater(message: Buffer): Promise<number> {
    return message.length;
  }

  *counts(message: Buffer): Generator<number> {
    yield message.length;
  }

  async *countsLater(message: Buffer): AsyncGenerator<number> {
    yield message.length;
  }

  count(message: Buffer): number {
    return message.length;
  }

  _private(message: Buffer): Buffer {
    return message;
  }
}

type Good = 'foo' | 'bar' | 'many' | 'later' | 'sooner' | 'latest' | 'inferred' | 'entries' | 'perhaps' | 'nothing' | 'nothingLater';
type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
export const served: Equal<FunctionsOf<MyWorker>, Good> = true;
export const any: Equal<FunctionsOf<never>, string> = true;

export async function typed(client: Client<MyWorker>): Promise<void> {
  const results: JobStream<Buffer> = client.job('foo', ['a', Buffer.from('b'), { payload: 'c', key: 1 }]);
  const settled: JobStream<Settled> = client.job('many', ['a'], { settle: true, ordered: true });
  for await (const result of results) result.readUInt8(0);
  for await (const one of settled) String(one.status === 'fulfilled' ? one.value.length : one.reason.code);
  client.job([{ function: 'foo', payload: 'a' }]);
  const answer: Buffer = await client.call('bar', 'a');
  answer.toString();
  const stream: AsyncDisposable & { readonly id: string } = results;
  stream.id.length.toFixed();

  // @ts-expect-error: no such function
  client.job('fo', ['a']);
  // @ts-expect-error: no such function
  await client.call('baz', 'a');
  // @ts-expect-error: a name of every worker, which is no function to call
  await client.call('start', 'a');
  // @ts-expect-error: it gives back a number, which is no bytes
  await client.call('count', 'a');
  // @ts-expect-error: it gives back a number later
  await client.call('countLater', 'a');
  // @ts-expect-error: it yields numbers
  client.job('counts', ['a']);
  // @ts-expect-error: it yields numbers later
  client.job('countsLater', ['a']);
  // @ts-expect-error: an array is no generator
  client.job('list', ['a']);
  // @ts-expect-error: nor is one that comes later
  client.job('listLater', ['a']);
  // @ts-expect-error: nor is a set
  client.job('bag', ['a']);
  // @ts-expect-error: a name that begins so is private
  await client.call('_private', 'a');
  // @ts-expect-error: not a function at all
  await client.call('version', 'a');
  // @ts-expect-error: an item for no such function
  client.job([{ function: 'fo', payload: 'a' }]);
  // @ts-expect-error: one payload is no source
  client.job('foo', 'text');
  // @ts-expect-error: one payload is no source
  client.job('foo', Buffer.from('bytes'));
  // @ts-expect-error: a number is no payload
  client.job('foo', [7]);
  // @ts-expect-error: an unknown option
  client.job('foo', ['a'], { setle: true });
  // @ts-expect-error: a call has no such option
  await client.call('foo', 'a', { messages: 3 });
}

/** A pool of such workers, which may stand where any pool may. */
export async function pooled(pool: MasterPool<MyWorker>): Promise<void> {
  const id: string = await pool.submit('foo', 'a', { retries: 3 });
  const results: JobStream<Buffer> = pool.job('bar', ['a']);
  for await (const one of pool.job('many', ['a'], { settle: true }))
    String(one.status === 'fulfilled' ? one.value.length : one.reason.code);
  const pools: WorkerPool[] = [pool, new MasterPool({ address: 'tcp://127.0.0.1:5555' })];
  const opened: WorkerPool<MyWorker> = await openPool<MyWorker>('tcp://127.0.0.1:5555');
  for (const any of [...pools, opened]) await any.cancel(id);
  await results.return?.();
  await pools[0]?.submit('whatever', 'a');
  // @ts-expect-error: no such function
  await pool.submit('fo', 'a');
  // @ts-expect-error: no such function
  pool.job('fo', ['a']);
  // @ts-expect-error: it gives back a number, which is no bytes
  await opened.submit('count', 'a');
}

/** Options that are known when it runs. */
export async function chosen(client: Client<MyWorker>, job: JobContext, pool: WorkerPool, options?: StreamOptions): Promise<void> {
  const settle: boolean = options?.settle ?? false;
  for await (const one of client.job('foo', ['a'], { settle })) String('status' in one ? one.status : one.readUInt8(0));
  const streams: (JobStream<Buffer> | JobStream<Settled<unknown>>)[] = [
    client.job('foo', ['a'], options),
    client.job([{ function: 'foo', payload: 'a' }], options),
    job.job('foo', ['a'], options),
    job.job([{ function: 'foo', payload: 'a' }], options),
    pool.job('foo', ['a'], options),
  ];
  for (const stream of streams) await stream.return?.();
  // @ts-expect-error: they may be settled
  const results: JobStream<Buffer> = client.job('foo', ['a'], options);
  // @ts-expect-error: they may be settled
  const nested: JobStream<Buffer> = job.job('foo', ['a'], { settle });
  for (const stream of [results, nested]) await stream.return?.();
  // @ts-expect-error: no such function
  client.job('fo', ['a'], options);
}

export function untyped(): Client {
  const client = new Client({ address: 'tcp://127.0.0.1:5555', function: 'whatever' });
  client.job('anything', ['a']);
  client.job(['a']);
  return client;
}

// @ts-expect-error: the default function must be one of the worker's
export const wrongDefault = new Client<MyWorker>({ address: 'tcp://127.0.0.1:5555', function: 'fo' });

// @ts-expect-error: there must be an address
export const nowhere = new Client({});

/** Jobs with a signal of their own: what they are cancelled with may be anything. */
export async function cancelled(client: Client<MyWorker>, signal: AbortSignal): Promise<void> {
  const plain: JobItem<'foo'>[] = [{ payload: 'a', key: 1 }];
  for await (const one of client.job('foo', plain, { settle: true })) {
    if (one.status === 'rejected') one.reason satisfies JobError;
  }
  const stream: JobStream<Settled<unknown>> = client.job('foo', [{ payload: 'a', signal }, 'b'], { settle: true });
  for await (const one of stream) {
    // @ts-expect-error: it may be the signal's reason
    if (one.status === 'rejected') one.reason.code.toString();
  }
  const signalled: JobItem<'foo', AbortSignal>[] = [{ payload: 'a', signal }];
  const results: JobStream<Buffer> = client.job('foo', signalled);
  await results.return?.();
  // @ts-expect-error: what it is rejected with may be no JobError
  const wrong: JobStream<Settled> = client.job('foo', signalled, { settle: true });
  // @ts-expect-error: a controller is no signal
  client.job('foo', [{ payload: 'a', signal: new AbortController() }]);
  await wrong.return?.();
}

export const answers: readonly WorkerAnswer[] = ['text', Buffer.from('bytes'), undefined, Promise.resolve('later'), ['a'].values()];

// @ts-expect-error: an array is no answer
export const many: WorkerAnswer = ['a', 'b'];

// @ts-expect-error: nor is a function that gives one
export const lists: WorkerFunction = (message: Buffer) => [message];

/** What a master tells of itself, and its events: a name that is none does not compile. */
export async function observed(client: Client, master: Master, worker: MyWorker): Promise<string[]> {
  const status: MasterStatus = await client.status();
  master.events.on('workerLost', ({ name, reason }) => console.log(name, reason));
  // @ts-expect-error: there is no such event
  master.events.on('workerlost', () => undefined);
  // @ts-expect-error: there is no such event
  worker.events.on('conected', () => undefined);
  return status.workers.map(({ name, state }) => `${name} ${state}`);
}
