import { randomBytes } from 'node:crypto';
import { checkOptions, shown } from '../common/check.ts';
import type { Emitter } from '../common/emitter.ts';
import type { WorkerEvents } from '../worker/connection.ts';
import type { JobContext } from '../worker/context.ts';
import { Worker, type WorkerOptions } from '../worker/worker.ts';
import { fromJson, toJson } from './json.ts';
import type { Pipeline } from './pipeline.ts';
import { Shelf } from './shelf.ts';
import { functionFor } from './wire.ts';

export interface PipelinesWorkerOptions extends Omit<WorkerOptions, 'name'> {
  /** What it runs. A server may have more: a job goes to a worker that has its pipeline. */
  readonly pipelines: readonly Pipeline[];
  /** What the master, its logs and the errors of jobs call it. Default: `pipelines-` and random letters. */
  readonly name?: string | undefined;
}

/**
 * Runs whole pipelines behind a pool: each is a worker function, `pipeline:<name>`, of JSON to JSON. Nodes that name a worker function
 * call it where it is served; while a pipeline waits for that, its slot is lent. It is no Worker: methods of a subclass are no functions.
 *
 * @example
 *     await new PipelinesWorker({ pipelines: [isOdd], address: 'tcp://127.0.0.1:5555' }).start({ signals: true });
 */
export class PipelinesWorker implements AsyncDisposable {
  readonly #worker: Worker;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: PipelinesWorkerOptions) {
    if (options === null || typeof options !== 'object') checkOptions('PipelinesWorker', options, []);
    const { pipelines, name = `pipelines-${randomBytes(3).toString('hex')}`, ...rest } = options;
    const shelf = new Shelf('PipelinesWorker', pipelines);
    if (shelf.size === 0) throw new RangeError(`PipelinesWorker: pipelines: expected at least one, got ${shown(pipelines)}`);
    const Serving = servingClass(shelf);
    this.#worker = new Serving({ ...rest, name });
  }

  get name(): string {
    return this.#worker.name;
  }

  /** Where its jobs come from. */
  get address(): string {
    return this.#worker.address;
  }

  /** `connected`, `disconnected`, `closed`. */
  get events(): Emitter<WorkerEvents> {
    return this.#worker.events;
  }

  get state(): Worker['state'] {
    return this.#worker.state;
  }

  /** As that of a Worker: resolves when it is welcome. `signals: true`: SIGINT and SIGTERM stop it in order. */
  start(options: { readonly signals?: boolean | undefined } = {}): Promise<void> {
    return this.#worker.start(options);
  }

  /** As that of a Worker: finishes what runs, gives back the rest. */
  stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    return this.#worker.stop(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** A class of workers with a function for each pipeline. */
function servingClass(shelf: Shelf): new (options: WorkerOptions) => Worker {
  class Serving extends Worker {
    static readonly functions: readonly string[] = shelf.names.map(functionFor);
  }
  for (const pipeline of shelf.all) {
    const value = (message: Buffer, job: JobContext): Promise<string> => runJob(pipeline, message, job);
    Object.defineProperty(Serving.prototype, functionFor(pipeline.name), { value });
  }
  return Serving;
}

async function runJob(pipeline: Pipeline, message: Buffer, job: JobContext): Promise<string> {
  const what = `pipeline '${pipeline.name}'`;
  const input = fromJson(`${what}: its input`, message);
  const call = (name: string, payload: Uint8Array | string, options: { readonly signal: AbortSignal }): Promise<Buffer> =>
    job.call(name, payload, options);
  return toJson(`${what}: its output`, await pipeline.run(input as never, { signal: job.signal, call }));
}
