/**
 * Master, workers and clients in one process over an in-memory transport: for unit tests of your workers and masters. Everything but
 * the sockets is what runs in production, and a whole mill starts and stops within milliseconds.
 */
import '../wiring.ts';
import { Client, type ClientOptions } from '../client/client.ts';
import { checkInteger, checkOptions } from '../common/check.ts';
import { Master, type MasterOptions } from '../specialized/master.ts';
import { MemoryNetwork } from '../transport/memory.ts';
import type { Worker, WorkerOptions } from '../worker/worker.ts';

export { MemoryNetwork };
export { MemoryPool, type MemoryPoolOptions } from '../pools/memory_pool.ts';

/** A class that makes workers. */
export type WorkerClass<W extends Worker> = new (options: WorkerOptions) => W;

export interface MillOptions<M extends Master> {
  /** A subclass of Master with a scatter or gather of your own. Default: Master. */
  readonly master?: (new (options: MasterOptions) => M) | undefined;
  /** Anything that `new Master` takes, but for what the mill decides. */
  readonly masterOptions?: Partial<Omit<MasterOptions, 'address' | 'transport'>> | undefined;
  /** How many workers, named worker1, worker2, …; default 1. More can be added. */
  readonly workers?: number | undefined;
  /** Slots of each worker; default 1. */
  readonly slots?: number | undefined;
}

const ADDRESS = 'memory://mill';

/** A master with workers and clients, all in this process. */
export class Mill<W extends Worker, M extends Master = Master> implements AsyncDisposable {
  readonly master: M;
  /** A client that is connected already. */
  readonly client: Client<W>;
  /** Everyone's network: it can cut, block and hold connections. */
  readonly network: MemoryNetwork;
  readonly workers: W[] = [];
  readonly #clients: Client<W>[] = [];
  readonly #make: WorkerClass<W>;
  readonly #slots: number;

  /** Use `startMill`. */
  constructor(master: M, network: MemoryNetwork, make: WorkerClass<W>, slots: number) {
    this.master = master;
    this.network = network;
    this.#make = make;
    this.#slots = slots;
    this.client = this.addClient();
  }

  /** Starts one more worker. Resolves when the master has welcomed it. */
  async addWorker(options: Partial<Omit<WorkerOptions, 'address' | 'transport'>> = {}): Promise<W> {
    const name = `worker${this.workers.length + 1}`;
    const worker = new this.#make({
      name,
      slots: this.#slots,
      logger: false,
      ...options,
      address: ADDRESS,
      transport: this.network.transport(),
    });
    this.workers.push(worker);
    await worker.start();
    return worker;
  }

  /** One more client. */
  addClient(options: Partial<Omit<ClientOptions, 'address' | 'transport'>> = {}): Client<W> {
    const client = new Client<W>({ logger: false, ...(options as object), address: ADDRESS, transport: this.network.transport() });
    this.#clients.push(client);
    return client;
  }

  /** Stops clients, workers and master. */
  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.workers.map((worker) => worker.stop({ deadlineMs: 1_000 })));
    await this.master.stop({ deadlineMs: 1_000 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Starts a master and workers in this process.
 *
 * @example
 *     await using mill = await startMill(MyWorker, { workers: 2 });
 *     expect(String(await mill.client.call('foo', 'a message'))).toBe('worker1 processed a message');
 *
 * @param worker the class of the workers
 * @throws TypeError or RangeError for wrong options
 */
export async function startMill<W extends Worker, M extends Master = Master>(
  worker: WorkerClass<W>,
  options: MillOptions<M> = {},
): Promise<Mill<W, M>> {
  if (typeof worker !== 'function') throw new TypeError(`startMill: expected a class of workers, got ${typeof worker}`);
  checkOptions('startMill', options, ['master', 'masterOptions', 'workers', 'slots']);
  const count = checkInteger('startMill: workers', options.workers, 1, 0, 1_000);
  const slots = checkInteger('startMill: slots', options.slots, 1, 1);
  const network = new MemoryNetwork();
  const make = options.master ?? (Master as new (options: MasterOptions) => M);
  const master = new make({ name: 'master', logger: false, ...options.masterOptions, address: ADDRESS, transport: network.transport() });
  await master.start();
  const mill = new Mill<W, M>(master, network, worker, slots);
  for (let i = 0; i < count; i += 1) await mill.addWorker();
  return mill;
}
