/** A server of pipelines over real HTTP, with a pool whose master and workers are in this process. */
import { connect } from 'node:net';
import { Master } from '../../src/master/master.ts';
import {
  INPUT,
  OUTPUT,
  Pipeline,
  PipelineNode,
  PipelinesClient,
  PipelinesServer,
  type PipelinesServerOptions,
  PipelinesWorker,
} from '../../src/pipelines/index.ts';
import { MasterPool } from '../../src/pools/master_pool.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import type { Worker, WorkerOptions } from '../../src/worker/worker.ts';

/** An answer over HTTP. */
export interface Got {
  readonly status: number;
  readonly body: unknown;
}

/** Asks as anybody may, and holds the answer to be JSON. */
export async function ask(url: string, method: string, body?: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers: { ...type, ...headers }, ...(body === undefined ? {} : { body }) });
  const answered = response.headers.get('content-type');
  if (answered !== 'application/json; charset=utf-8') throw new Error(`expected JSON, got ${String(answered)}`);
  return { status: response.status, body: await response.json() };
}

export const post = (url: string, body: unknown): Promise<Got> => ask(url, 'POST', JSON.stringify(body));

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${String(value)}`);
    },
    (error: unknown) => error,
  );
}

export const isOdd = new Pipeline({
  name: 'is_odd',
  nodes: [
    new PipelineNode({ op: (n: number) => n + 1, name: 'addOne', inputs: [INPUT], outputs: ['added'] }),
    new PipelineNode({ op: (n: number) => n % 2 === 1, name: 'isOdd', inputs: ['added'], outputs: [OUTPUT] }),
  ],
});

/** Gives back its input. */
export const echo = new Pipeline({
  name: 'echo',
  nodes: [new PipelineNode({ op: (x: unknown) => x, inputs: [INPUT], outputs: [OUTPUT] })],
});

export const fails = new Pipeline({
  name: 'fails',
  nodes: [
    new PipelineNode({
      op: (text: string): string => {
        throw new RangeError(text);
      },
      name: 'thrower',
      inputs: [INPUT],
      outputs: [OUTPUT],
    }),
  ],
});

/** Calls that a test lets end: each tells that it has begun, and ends when it is told to, or aborted. */
export class Held {
  readonly #begun: (() => void)[] = [];
  readonly #ends: ((value: string) => void)[] = [];
  readonly aborted: unknown[] = [];
  readonly pipeline: Pipeline<unknown, string> = new Pipeline({
    name: 'held',
    nodes: [
      new PipelineNode({ op: (_: unknown, { signal }: { signal: AbortSignal }) => this.#hold(signal), inputs: [INPUT], outputs: [OUTPUT] }),
    ],
  });
  count = 0;

  #hold(signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      this.count += 1;
      this.#ends.push(resolve);
      signal.addEventListener('abort', () => {
        this.aborted.push(signal.reason);
        for (const begun of this.#begun) begun();
        reject(signal.reason);
      });
      for (const begun of this.#begun) begun();
    });
  }

  /** Resolves when something has changed as far as that. */
  async until(enough: () => boolean): Promise<void> {
    while (!enough()) await new Promise<void>((resolve) => void this.#begun.push(resolve));
  }

  end(value: string): void {
    for (const end of this.#ends.splice(0)) end(value);
  }
}

export interface World extends AsyncDisposable {
  readonly server: PipelinesServer;
  readonly client: PipelinesClient;
  readonly pool: MasterPool | undefined;
  readonly url: string;
  /** Starts a worker for pipelines. */
  worker(pipelines: readonly Pipeline[]): Promise<PipelinesWorker>;
  /** Starts a worker of a user's class. */
  workerOf(make: new (options: WorkerOptions) => Worker): Promise<void>;
  /** Starts another server with the same options. */
  another(): Promise<PipelinesServer>;
  /** Sends bytes, and resolves to all that comes back until the connection is closed. */
  raw(text: string): Promise<string>;
}

/** Starts a server; with `pool` there is a master, but no worker yet. */
export async function startWorld(options: Partial<PipelinesServerOptions> & { readonly withPool?: boolean } = {}): Promise<World> {
  const { withPool = false, ...own } = options;
  const address = 'memory://pipelines';
  const network = new MemoryNetwork();
  const master = new Master({ name: 'master', address, logger: false, transport: network.transport() });
  await master.start();
  const pool = withPool ? new MasterPool({ address, logger: false, transport: network.transport() }) : undefined;
  const startServer = async (): Promise<PipelinesServer> => {
    const started = new PipelinesServer({ pipelines: [isOdd, echo, fails], logger: false, pool, ...own });
    await started.start();
    return started;
  };
  const server = await startServer();
  const url = server.url as string;
  const workers: (Worker | PipelinesWorker)[] = [];
  const start = async <W extends Worker | PipelinesWorker>(worker: W): Promise<W> => {
    workers.push(worker);
    await worker.start();
    return worker;
  };
  return {
    server,
    client: new PipelinesClient(url),
    pool,
    url,
    worker: (pipelines) => start(new PipelinesWorker({ pipelines, address, logger: false, transport: network.transport() })),
    async workerOf(make) {
      await start(new make({ name: 'worker', address, logger: false, transport: network.transport() }));
    },
    another: startServer,
    raw: (text) => rawRequest(url, text),
    async [Symbol.asyncDispose]() {
      await server.stop({ deadlineMs: 0 });
      await Promise.all(workers.map((worker) => worker.stop({ deadlineMs: 0 })));
      await pool?.close();
      await master.stop({ deadlineMs: 0 });
    },
  };
}

function rawRequest(url: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => void socket.write(text));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      answer += data;
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}
