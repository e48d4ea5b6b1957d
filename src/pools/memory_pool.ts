/** The pool within one process: a master, its pool and workers over a network in memory. For unit tests; nothing outlives the process. */
import { randomBytes } from 'node:crypto';
import { checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import { Master } from '../master/master.ts';
import { MemoryNetwork } from '../transport/memory.ts';
import type { Worker, WorkerOptions } from '../worker/worker.ts';
import { MasterPool } from './master_pool.ts';
import type { SpawnWorkerOptions, WorkerHandle } from './pool.ts';

const ADDRESS = 'memory://pool';

type WorkerClass = new (options: WorkerOptions) => Worker;

export interface MemoryPoolOptions {
  /** How long a job's record stays after it has ended, in milliseconds. Default: an hour. */
  readonly recordTtlMs?: number | undefined;
}

/** A pool whose workers live in this process: `spawnWorker` imports the module, and starts the worker that its default export makes. */
export class MemoryPool<W = never> extends MasterPool<W> {
  readonly #network: MemoryNetwork;
  readonly #master: Master;
  readonly #started: Promise<void>;
  readonly #workers = new Set<Worker>();

  /** Another producer at the same master. */
  another(options: MemoryPoolOptions = {}): MasterPool<W> {
    return new MemoryProducer<W>(this, this.#network, options);
  }

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: MemoryPoolOptions = {}) {
    checkOptions('MemoryPool', options, ['recordTtlMs']);
    const network = new MemoryNetwork();
    super({ ...options, address: ADDRESS, logger: false, transport: network.transport() });
    this.#network = network;
    this.#master = new Master({ name: 'pool', address: ADDRESS, logger: false, transport: network.transport() });
    this.#started = this.#master.start();
  }

  override async spawnWorker(module: URL | string, options: SpawnWorkerOptions = {}): Promise<WorkerHandle> {
    checkOptions('spawnWorker', options, ['name', 'args', 'env']);
    const name = options.name === undefined ? `worker-${randomBytes(3).toString('hex')}` : checkString('spawnWorker: name', options.name);
    await this.#started;
    const { default: make } = (await import(String(module))) as { default?: unknown };
    if (typeof make !== 'function')
      throw new TypeError(`spawnWorker: expected ${String(module)} to export a class of workers as default, got ${shown(make)}`);
    const worker = new (make as WorkerClass)({ name, address: ADDRESS, logger: false, transport: this.#network.transport() });
    const exited = new Promise<{ code: number; signal: null }>((resolve) => {
      worker.events.on('closed', () => resolve({ code: 0, signal: null }));
    });
    this.#workers.add(worker);
    await worker.start();
    const stop: WorkerHandle['stop'] = async (how = {}) => {
      checkOptions('stop', how, ['deadlineMs']);
      const deadlineMs = checkInteger('stop: deadlineMs', how.deadlineMs, 10_000, 0);
      this.#workers.delete(worker);
      await worker.stop({ deadlineMs });
      await exited;
    };
    return { name, pid: process.pid, exited, stop, [Symbol.asyncDispose]: () => stop() };
  }

  override async close(): Promise<void> {
    await super.close();
    await Promise.all([...this.#workers].map((worker) => worker.stop({ deadlineMs: 0 })));
    await this.#started;
    await this.#master.stop({ deadlineMs: 0 });
  }
}

/** A producer at a MemoryPool: its workers are that pool's. */
class MemoryProducer<W> extends MasterPool<W> {
  readonly #pool: Pick<MemoryPool, 'spawnWorker'>;

  /** Use `another`. */
  constructor(pool: Pick<MemoryPool, 'spawnWorker'>, network: MemoryNetwork, options: MemoryPoolOptions) {
    super({ ...options, address: ADDRESS, logger: false, transport: network.transport() });
    this.#pool = pool;
  }

  override spawnWorker(module: URL | string, options: SpawnWorkerOptions = {}): Promise<WorkerHandle> {
    return this.#pool.spawnWorker(module, options);
  }
}
