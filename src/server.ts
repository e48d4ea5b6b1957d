/** Master and worker in one process, for work that does not need more yet: later the same functions move to workers of their own. */
import { checkBoolean, checkOptions } from './common/check.ts';
import { Master, type MasterOptions } from './specialized/master.ts';
import { parseAddress } from './transport/addresses.ts';
import { BASE } from './worker/served.ts';
import { Worker, type WorkerOptions } from './worker/worker.ts';

export interface ServerOptions extends Pick<WorkerOptions, 'name' | 'slots' | 'logger'> {
  /** Where clients dial: `tcp://host:port` or `ipc://path`. */
  readonly address: string;
  /** What its master is told besides. */
  readonly masterOptions?: Partial<Omit<MasterOptions, 'name' | 'address' | 'logger'>> | undefined;
}

/**
 * A master with one worker, in one process. Subclass it like Worker; clients and further workers connect as to any master.
 *
 * @example
 *     class MyServer extends Server {
 *       foo(message) { return `${this.name} processed ${message}`; }
 *     }
 *     await new MyServer({ name: 'server', address: 'tcp://127.0.0.1:5555' }).start();
 */
export abstract class Server extends Worker {
  static override readonly [BASE]: true = true;
  /** Its master: cache, events and status are there. */
  readonly master: Master;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: ServerOptions) {
    checkOptions('Server', options, ['name', 'address', 'slots', 'logger', 'masterOptions']);
    const { masterOptions, ...own } = options;
    if (parseAddress(own.address, 'Server: address').port === '*') {
      throw new RangeError(`Server: address: expected a port, since its own worker dials it, got '${own.address}'`);
    }
    super({ ...own, ...(masterOptions?.transport === undefined ? {} : { transport: masterOptions.transport }) });
    this.master = new Master({ ...masterOptions, name: own.name, address: own.address, logger: own.logger });
  }

  /**
   * Binds, and resolves when clients can connect and its functions are served.
   * @param options `signals: true`: SIGINT and SIGTERM stop it in order
   */
  override async start(options: { readonly signals?: boolean | undefined } = {}): Promise<void> {
    // Before it binds: what is wrong is said at once.
    checkOptions('start', options, ['signals']);
    checkBoolean('start: signals', options.signals, false);
    await this.master.start();
    try {
      await super.start(options);
    } catch (error) {
      await this.master.stop({ deadlineMs: 0 });
      throw error;
    }
  }

  /**
   * Lets the streams that are under way end, then closes.
   * @param options `deadlineMs`: how long that may take; default 10 s
   */
  override async stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    checkOptions('stop', options, ['deadlineMs']);
    await this.master.stop(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs });
    await super.stop({ deadlineMs: 0 });
  }
}
