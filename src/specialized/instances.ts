/** The instances that a head has: they come and go with their workers, or, backendless, as the head says. */
import type { Logger } from '../common/logger.ts';
import { told } from '../common/thrown.ts';
import type { InstanceHost } from '../master/instance_host.ts';
import { fieldValue, type Fields } from '../protocol/fields.ts';
import type { WorkerOptions } from '../worker/worker.ts';
import type { InstanceFields, Specialized } from './define.ts';
import { Instance, readFields, type Tasklet } from './instance.ts';

/** What a clean-up may take before the head goes on without it. */
const CLEAN_UP_MS = 10_000;
/** The field of an instance's hello. */
export const INSTANCE_FIELD = 'specialized';

/** What an instance holds: how much it runs at a time, and the resources that are bound for it. */
export type Holding = Pick<WorkerOptions, 'slots' | 'resources'>;

/** What the worker's side of an instance tells in its hello. */
export interface Announcement {
  readonly type: string;
  readonly fields: InstanceFields;
  readonly holding: Holding;
}

export interface InstancesOptions {
  readonly logger: Logger;
  /** How a worker in this process reaches the master. */
  readonly dial: () => Pick<WorkerOptions, 'address' | 'transport'>;
}

export class Instances implements InstanceHost {
  readonly #options: InstancesOptions;
  readonly #tasklets = new Map<string, Tasklet>();
  readonly #modules = new Map<string, Specialized>();
  readonly #bySession = new Map<number, Instance>();
  readonly #names = new Set<string>();
  readonly #open = new Set<Instance>();

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  get tasklets(): readonly string[] {
    return [...this.#tasklets.keys()];
  }

  addTasklet(name: string, tasklet: Tasklet): void {
    if (this.#tasklets.has(name)) throw new RangeError(`tasklet: '${name}' is there already`);
    this.#tasklets.set(name, tasklet);
  }

  /** From now on instances of this type are welcome. */
  know(type: string, module: Specialized): void {
    this.#modules.set(type, module);
  }

  joined(session: number, name: string, hello: Fields, dismiss: (text: string) => void): void {
    // Whatever comes of it is told when the machine is done with the hello.
    setImmediate(() => {
      try {
        const { type, fields, holding } = this.#read(hello);
        const instance = this.#add(type, fields, holding);
        this.#bySession.set(session, instance);
        instance.begun.catch((error: unknown) => {
          this.#options.logger.error(`${name}: ${told(error).message}`);
          dismiss(`its set-up on the head failed: ${told(error).message}`);
        });
      } catch (error) {
        dismiss(told(error).message);
      }
    });
  }

  /** What its tasklets have not finished is done elsewhere. */
  left(session: number): void {
    setImmediate(() => {
      void this.#bySession.get(session)?.end(0);
      this.#bySession.delete(session);
    });
  }

  /** Begins a backendless instance. Rejects if a set-up failed, when everything is cleaned up. */
  async begin(type: string, holding: Holding): Promise<Instance> {
    const module = this.#module(type);
    if (!module.backendless) throw new RangeError(`addInstance: '${type}' is not backendless: start a worker of it`);
    const instance = this.#add(type, undefined, holding);
    await instance.begun;
    return instance;
  }

  /** Ends all of them. Resolves when they are cleaned up, or that has taken too long. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#options.logger.warn(`the clean-up of ${this.#open.size} specialized workers has not ended after ${CLEAN_UP_MS} ms`);
        resolve();
      }, CLEAN_UP_MS);
    });
    await Promise.race([late, Promise.all([...this.#open].map((instance) => instance.end(0)))]);
    clearTimeout(timer);
  }

  #module(type: string): Specialized {
    const module = this.#modules.get(type);
    if (module !== undefined) return module;
    const known = [...this.#modules.keys()].join(', ') || 'nothing';
    throw new RangeError(`this master has no specializedType '${type}'; it was told ${known}`);
  }

  #read(hello: Fields): Announcement {
    const said = fieldValue(hello, INSTANCE_FIELD) as Partial<Announcement> | undefined;
    if (typeof said?.type !== 'string') throw new TypeError('a specialized worker says which type it is');
    return { type: said.type, fields: readFields(said.fields), holding: said.holding ?? {} };
  }

  #add(type: string, fields: InstanceFields | undefined, holding: Holding): Instance {
    const { logger, dial } = this.#options;
    const module = this.#module(type);
    const claim = (name: string): void => {
      if (this.#names.has(name)) throw new RangeError(`an instance '${name}' is there already: names are unique`);
      this.#names.add(name);
    };
    const instance: Instance = new Instance({
      type,
      module,
      fields,
      claim,
      tasklets: this.#tasklets,
      worker: { ...dial(), ...holding, logger: false },
      logger,
      over: (name) => {
        if (name !== undefined) this.#names.delete(name);
        this.#open.delete(instance);
      },
    });
    this.#open.add(instance);
    return instance;
  }
}
