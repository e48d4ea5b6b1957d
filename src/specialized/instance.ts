/**
 * One instance of a specialized worker, as the head has it: the client that `context` sets up, and a worker in this process that runs
 * tasklets with it and holds the instance's resources.
 *
 * Laws: what was set up is cleaned up once, in reverse, whichever way the instance ends; and nothing is run with a client that is gone.
 */
import { checkString, shown } from '../common/check.ts';
import type { Logger } from '../common/logger.ts';
import { lineOf } from '../common/thrown.ts';
import { abandon } from '../common/untrusted.ts';
import { ClosedError } from '../errors.ts';
import type { WorkerAnswer } from '../streams/types.ts';
import type { JobContext } from '../worker/context.ts';
import { Worker, type WorkerOptions } from '../worker/worker.ts';
import type { InstanceFields, Specialized } from './define.ts';
import { Setup } from './setup.ts';

/** What a tasklet is told of its job. */
export interface TaskletContext<C = unknown> extends JobContext {
  /** The client that the specialized worker's `context` yielded. */
  readonly context: C;
  /** The name of the instance whose resources the job holds. */
  readonly instance: string;
}

/** A function that runs on the head, with an instance's client. */
export type Tasklet<C = unknown> = (message: Buffer, job: TaskletContext<C>) => WorkerAnswer;

export interface InstanceOptions {
  readonly type: string;
  readonly module: Specialized;
  /** What its `run` yielded, on the worker's side; undefined: it is backendless, and `run` is run here. */
  readonly fields: InstanceFields | undefined;
  /** Takes a name, or throws if it is taken. */
  readonly claim: (name: string) => void;
  readonly tasklets: ReadonlyMap<string, Tasklet>;
  /** How its worker reaches the master, and what it holds. */
  readonly worker: Omit<WorkerOptions, 'name'>;
  readonly logger: Logger;
  /** Told when it is cleaned up; with its name, if it had one. */
  readonly over: (name: string | undefined) => void;
}

export class Instance {
  /** Resolves when it serves; rejects if a set-up failed, when everything is cleaned up. */
  readonly begun: Promise<void>;
  readonly #options: InstanceOptions;
  /** In the order of setting up. */
  readonly #setups: Setup<unknown>[] = [];
  #name: string | undefined;
  #worker: Worker | undefined;
  #ending = false;
  #ended: Promise<void> | undefined;
  #cleaned: Promise<void> | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.begun = this.#begin();
  }

  /** Its name, once `run` has yielded it. */
  get name(): string | undefined {
    return this.#name;
  }

  /** Ends it; what its tasklets have not finished by then is done elsewhere. Resolves when all is cleaned up; never rejects. */
  end(deadlineMs: number): Promise<void> {
    this.#ended ??= this.#end(deadlineMs);
    return this.#ended;
  }

  async #begin(): Promise<void> {
    try {
      await this.#setUp();
    } catch (error) {
      await this.#cleanUp();
      throw error;
    }
  }

  async #setUp(): Promise<void> {
    const { type, module, tasklets, worker, claim } = this.#options;
    const fields = this.#options.fields ?? (await this.#enter(`run of ${type}`, () => module.run(), readFields));
    claim(fields.name);
    this.#name = fields.name;
    const same = (value: unknown): unknown => value;
    const context = await this.#enter(`context of ${type}`, () => module.context(fields), same);
    if (this.#ending) throw new ClosedError('closed', `${fields.name}: closed while it was set up`);
    const Tasklets = taskletsOf(tasklets, context, fields.name);
    this.#worker = new Tasklets({ ...worker, name: fields.name });
    await this.#worker.start();
  }

  async #enter<T>(what: string, begin: () => AsyncGenerator<unknown, void, void>, read: (value: unknown) => T): Promise<T> {
    const setup = await Setup.enter(what, begin, read);
    this.#setups.push(setup);
    return setup.value;
  }

  async #end(deadlineMs: number): Promise<void> {
    this.#ending = true;
    // A worker that no master welcomes any more would never have begun.
    await this.#worker?.stop({ deadlineMs });
    await this.begun.catch(() => undefined);
    await this.#cleanUp();
  }

  #cleanUp(): Promise<void> {
    this.#cleaned ??= this.#leaveAll();
    return this.#cleaned;
  }

  async #leaveAll(): Promise<void> {
    const { type, logger, over } = this.#options;
    await this.#worker?.stop({ deadlineMs: 0 });
    for (const setup of this.#setups.toReversed()) {
      try {
        await setup.leave();
      } catch (error) {
        abandon(error);
        logger.error(`${this.#name ?? type}: its clean-up failed: ${lineOf(error)}`);
      }
    }
    over(this.#name);
  }
}

/** What `run` yields: plain data with a name. */
export function readFields(value: unknown): InstanceFields {
  const name: unknown = value !== null && typeof value === 'object' ? (value as Partial<InstanceFields>).name : undefined;
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`specialized worker: run: expected it to yield { name, … } with a name that is not empty, got ${shown(value)}`);
  checkString('specialized worker: run: name', name);
  return value as InstanceFields;
}

/** A class of workers whose functions are the tasklets. */
function taskletsOf(tasklets: ReadonlyMap<string, Tasklet>, context: unknown, instance: string): new (options: WorkerOptions) => Worker {
  class Tasklets extends Worker {
    static readonly functions = [...tasklets.keys()];
  }
  for (const [name, tasklet] of tasklets) {
    const value = (message: Buffer, job: JobContext): WorkerAnswer => tasklet(message, Object.assign(job, { context, instance }));
    Object.defineProperty(Tasklets.prototype, name, { value });
  }
  return Tasklets;
}
