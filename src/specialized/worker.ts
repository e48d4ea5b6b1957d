/** The worker's side of a specialized worker: it runs a server of its own for as long as it is a worker, and no functions. */
import { Connection } from '../client/connection.ts';
import { checkBoolean, checkInteger, checkOptions, checkString } from '../common/check.ts';
import { Emitter } from '../common/emitter.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { onSignals } from '../common/signals.ts';
import { lineOf } from '../common/thrown.ts';
import { abandon } from '../common/untrusted.ts';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import { checkFields, toFields } from '../protocol/fields.ts';
import { dialAddresses } from '../transport/addresses.ts';
import { checkTransport } from '../transport/given.ts';
import type { Transport } from '../transport/transport.ts';
import { zeromqTransport } from '../transport/zeromq.ts';
import { offered } from '../worker/offered.ts';
import { readFields } from './instance.ts';
import { type Announcement, type Holding, INSTANCE_FIELD } from './instances.ts';
import { loadSpecialized } from './load.ts';
import { Setup } from './setup.ts';
import type { InstanceFields } from './define.ts';

const OPTIONS = ['specializedType', 'address', 'slots', 'resources', 'logger', 'transport'] as const;

export interface SpecializedWorkerOptions extends Holding {
  /** The name of its module: a path from the working directory, or a package. The head must have been told the same name. */
  readonly specializedType: string;
  /** Where the head is, as `tcp://host:port` or `ipc://path`; or several. */
  readonly address: string | readonly string[];
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
  /** How messages travel; default: ZeroMQ. */
  readonly transport?: Transport | undefined;
}

export type SpecializedWorkerEvents = {
  /** A head has welcomed it, for the first time or again. */
  connected: { readonly master: string; readonly address: string };
  /** It is cleaned up; `error`: why it ended, if nobody asked for that. */
  closed: { readonly error: Error | undefined };
};

/**
 * Sets a specialized worker's server up, announces it to the head, and cleans up when it stops, or when the head sends it away.
 *
 * @example
 *     await new SpecializedWorker({ specializedType: './the_sworker.js', address: 'tcp://127.0.0.1:5555' }).start({ signals: true });
 */
export class SpecializedWorker implements AsyncDisposable {
  readonly events: Emitter<SpecializedWorkerEvents> = new Emitter();
  readonly #options: SpecializedWorkerOptions;
  readonly #addresses: readonly [string, ...string[]];
  readonly #holding: Holding;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #setup: Setup<InstanceFields> | undefined;
  #connection: Connection | undefined;
  #started: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: SpecializedWorkerOptions) {
    checkOptions('SpecializedWorker', options, OPTIONS);
    checkString('SpecializedWorker: specializedType', options.specializedType);
    this.#addresses = dialAddresses('SpecializedWorker: address', options.address);
    checkTransport('SpecializedWorker: transport', options.transport);
    this.#logger = loggerFor(options.logger);
    this.#options = options;
    this.#holding = {
      slots: checkInteger('SpecializedWorker: slots', options.slots, 1, 1, 65_536),
      resources: offered('SpecializedWorker: resources', options.resources),
    };
  }

  /** The instance's name, once its `run` has yielded it. */
  get name(): string | undefined {
    return this.#setup?.value.name;
  }

  /**
   * Runs `run` to its yield, and dials the head. Resolves when the head has welcomed it, or it was stopped before.
   * Rejects if the module or its `run` fails, or the head refuses it; when it is cleaned up.
   * @param options `signals: true`: SIGINT and SIGTERM stop it in order
   */
  start(options: { readonly signals?: boolean | undefined } = {}): Promise<void> {
    checkOptions('start', options, ['signals']);
    const signals = checkBoolean('start: signals', options.signals, false);
    if (this.#started !== undefined) throw new Error('start: this specialized worker was started already');
    if (signals)
      this.events.on(
        'closed',
        onSignals(() => void this.stop()),
      );
    this.#started = this.#start();
    return this.#started;
  }

  /** Says goodbye to the head, and cleans up. Resolves when that is done. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#connection?.close();
    await this.#started?.catch(() => undefined);
    await this.#close(undefined);
  }

  async #start(): Promise<void> {
    const { specializedType: type, transport } = this.#options;
    try {
      const module = await loadSpecialized(type);
      if (module.backendless) throw new RangeError(`'${type}' is backendless: it runs on the head, as its specializedType`);
      if (this.#stop.signal.aborted) return;
      this.#setup = await Setup.enter(`run of ${type}`, () => module.run(), readFields);
      if (this.#stop.signal.aborted) return;
      await this.#connect(this.#setup.value, type, transport ?? zeromqTransport());
    } catch (error) {
      await this.#close(error as Error);
      throw error;
    }
  }

  #connect(fields: InstanceFields, type: string, transport: Transport): Promise<void> {
    const said: Announcement = { type, fields, holding: this.#holding };
    return new Promise((resolve, reject) => {
      const connection = new Connection({
        transport,
        addresses: this.#addresses,
        role: 'instance',
        name: fields.name,
        id: fields.name,
        fields: checkFields(`${type}: what its run yields`, toFields({ [INSTANCE_FIELD]: said })),
        function: undefined,
        connectTimeoutMs: Infinity,
        maxMessageBytes: MAX_MESSAGE_BYTES,
        logger: this.#logger,
        historyLimit: 64,
      });
      this.#connection = connection;
      connection.events.on('connected', ({ master, address }) => {
        this.events.emit('connected', { master, address });
        resolve();
      });
      connection.events.on('closed', ({ error }) => {
        if (error === undefined) return resolve();
        reject(error);
        void this.#close(error);
      });
    });
  }

  #close(error: Error | undefined): Promise<void> {
    this.#closed ??= this.#cleanUp(error);
    return this.#closed;
  }

  async #cleanUp(error: Error | undefined): Promise<void> {
    await this.#connection?.close();
    try {
      await this.#setup?.leave();
    } catch (failure) {
      abandon(failure);
      this.#logger.error(`${this.name ?? this.#options.specializedType}: its clean-up failed: ${lineOf(failure)}`);
    }
    this.events.emit('closed', { error });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
