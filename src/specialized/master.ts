/** The master that users see: it also is the head of specialized workers, whose functions run in its own process. */
import { checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import { loggerFor } from '../common/logger.ts';
import { Master as Base } from '../master/master.ts';
import { MASTER_OPTIONS, type MasterOptions as BaseOptions } from '../master/options.ts';
import { RESERVED_NAMES } from '../streams/reserved.ts';
import { type Holding, Instances } from './instances.ts';
import type { Tasklet } from './instance.ts';
import { loadSpecialized } from './load.ts';

export interface MasterOptions extends BaseOptions {
  /**
   * Names of the modules of specialized workers that this master is the head of: a path from the working directory, or a package. Others
   * are sent away. Of those that are backendless one instance each begins with the master.
   */
  readonly specializedType?: string | readonly string[] | undefined;
  /** What the backendless instances that begin with the master hold; default: one slot, and the resources of this process. */
  readonly instances?: Holding | undefined;
}

/** A backendless instance that was added. */
export interface AddedInstance extends AsyncDisposable {
  readonly name: string;
  /** Ends it: its jobs are finished within the deadline or done elsewhere, and it is cleaned up. */
  stop(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

const STOP_MS = 10_000;

/**
 * Takes jobs from clients, hands them to workers, and the results back. Subclass it to change messages on their way:
 *
 * @example
 *     class Tripled extends Master {
 *       *scatter(message) { for (let i = 0; i < 3; i += 1) yield message; }
 *     }
 *     await new Tripled({ name: 'master', address: 'tcp://127.0.0.1:5555' }).start();
 */
export class Master extends Base {
  readonly #instances: Instances;
  readonly #types: readonly string[];
  readonly #holding: Holding;
  #started = false;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen. */
  constructor(options: MasterOptions) {
    const { specializedType = [], instances = {}, ...own } = readOptions(options);
    const dial = { address: (): string => own.address };
    const host = new Instances({
      logger: loggerFor(own.logger),
      dial: () => ({ address: dial.address(), ...(own.transport === undefined ? {} : { transport: own.transport }) }),
    });
    super(own, { instances: host });
    dial.address = () => this.address;
    this.#instances = host;
    this.#types = typeof specializedType === 'string' ? [specializedType] : specializedType;
    this.#holding = instances;
    this.events.on('closed', () => void host.close());
  }

  /**
   * Registers a function that runs in this process, with the client of a specialized worker (`job.context`) and the name of its instance
   * (`job.instance`), while that worker's resources are bound. Before `start()`.
   *
   * @param name what clients call
   * @param tasklet `C`: what `context` yields
   * @throws TypeError or RangeError for a name or a function that cannot be one; Error after the start
   */
  tasklet<C = unknown>(name: string, tasklet: Tasklet<C>): this {
    checkString('tasklet: name', name);
    if (name.startsWith('_') || (RESERVED_NAMES as readonly string[]).includes(name))
      throw new RangeError(`tasklet: name: expected none of Worker's own and none that begins with '_', got '${name}'`);
    if (typeof tasklet !== 'function') throw new TypeError(`tasklet: expected a function, got ${shown(tasklet)}`);
    if (this.#started) throw new Error(`tasklet: '${name}' comes too late: register it before start()`);
    this.#instances.addTasklet(name, tasklet as Tasklet);
    return this;
  }

  /**
   * Binds its sockets, and begins its backendless instances. Resolves when clients and workers can connect.
   * @param options `signals: true`: SIGINT and SIGTERM stop it in order.
   * @throws Error with code EADDRINUSE if the address is taken; ClosedError if it is stopped before; what is wrong with a specialized
   *   module, or what its set-up threw.
   */
  override async start(options: { signals?: boolean } = {}): Promise<void> {
    if (this.#types.length > 0 && this.#instances.tasklets.length === 0)
      throw new Error('start: expected a tasklet for the specialized workers: call tasklet(name, function) first');
    this.#started = true;
    const modules = await Promise.all(this.#types.map(async (type) => ({ type, module: await loadSpecialized(type) })));
    for (const { type, module } of modules) this.#instances.know(type, module);
    await super.start(options);
    try {
      for (const { type, module } of modules) if (module.backendless) await this.#instances.begin(type, this.#holding);
    } catch (error) {
      await this.stop({ deadlineMs: 0 });
      throw error;
    }
  }

  /**
   * Begins one more instance of a backendless type.
   * @param holding its slots and resources; default: one slot, and the resources of this process
   * @throws RangeError if the type is none of `specializedType`, or not backendless; what a set-up threw, when it is cleaned up
   */
  async addInstance(type: string, holding: Holding = {}): Promise<AddedInstance> {
    checkOptions('addInstance', holding, ['slots', 'resources']);
    const instance = await this.#instances.begin(checkString('addInstance: type', type), holding);
    const stop: AddedInstance['stop'] = async (how = {}) => {
      checkOptions('stop', how, ['deadlineMs']);
      await instance.end(checkInteger('stop: deadlineMs', how.deadlineMs, STOP_MS, 0));
    };
    return { name: instance.name as string, stop, [Symbol.asyncDispose]: () => stop() };
  }

  /**
   * Takes no more clients and workers, lets the streams that are under way end, and closes; then specialized workers are cleaned up.
   * @param options `deadlineMs`: how long that may take, default 10 s; what is unfinished then is given up.
   */
  override async stop(options: { deadlineMs?: number } = {}): Promise<void> {
    await super.stop(options);
    await this.#instances.close();
  }
}

function readOptions(options: MasterOptions): MasterOptions {
  checkOptions('Master', options, [...MASTER_OPTIONS, 'specializedType', 'instances']);
  const { specializedType = [], instances = {} } = options;
  const types: readonly unknown[] = Array.isArray(specializedType) ? specializedType : [specializedType];
  for (const type of types) checkString('Master: specializedType', type);
  checkOptions('Master: instances', instances, ['slots', 'resources']);
  return options;
}
