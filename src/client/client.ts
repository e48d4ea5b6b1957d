import { unique } from '../common/unique.ts';
import { checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import type { Emitter } from '../common/emitter.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { HISTORY_LIMIT } from '../machine/driver.ts';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import type { Scope } from '../streams/settings.ts';
import type {
  CallOptions,
  FunctionsOf,
  Item,
  JobStream,
  Payload,
  Settled,
  SettledBy,
  Source,
  Status,
  StreamOptions,
} from '../streams/types.ts';
import { dialAddresses } from '../transport/addresses.ts';
import { transportFor } from '../transport/engines.ts';
import { checkTransport } from '../transport/given.ts';
import type { Transport } from '../transport/transport.ts';

import { type ClientEvents, Connection } from './connection.ts';

const OPTIONS = ['address', 'function', 'name', 'connectTimeoutMs', 'maxMessageBytes', 'logger', 'transport', 'historyLimit'] as const;
const NO_SCOPE: Scope = { parent: 0 };

export interface ClientOptions<F extends string = string> {
  /**
   * Where the master is, as `tcp://host:port` or `ipc://path`; or several masters: the first that is there is used. Whoever is to meet
   * needs the same list in the same order. Or an engine in its place, as `redis://host:port` or `nats://host:port`.
   */
  readonly address: string | readonly string[];
  /** The function of jobs that name none. */
  readonly function?: F | undefined;
  /** What the master and its logs call this client. Default: `client-` and random letters. */
  readonly name?: string | undefined;
  /**
   * How long to wait for a master, at the start and whenever the connection is lost, in milliseconds; then everything that is open
   * fails with a ConnectError `timeout`, and the client is closed. Default: for ever.
   */
  readonly connectTimeoutMs?: number | undefined;
  /** The largest payload that is sent, in bytes. The master may allow less. Default: 64 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
  /** How messages travel; default: ZeroMQ. */
  readonly transport?: Transport | undefined;
  /** How many events `story()` can look back on; Infinity records all. Default: 64. */
  readonly historyLimit?: number | undefined;
}

/** The names of functions that a client of such workers may ask for. */
type Names<W> = FunctionsOf<W>;

/**
 * Streams jobs to a master, and the results back. It connects by itself, and again whenever the connection breaks; an open client
 * keeps the process alive.
 *
 * ```ts
 * const client = new Client<MyWorker>({ address: 'tcp://127.0.0.1:5555' });
 * for await (const result of client.job('foo', messages())) console.log(result.toString());
 * await client.close();
 * ```
 *
 * `W`, the class of the workers, makes `job` and `call` take only names of its functions; without it any name is taken.
 */
export class Client<W = never> implements AsyncDisposable {
  /** What the master and its logs call this client. */
  readonly name: string;
  readonly #connection: Connection;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: NoInfer<ClientOptions<Names<W>>>) {
    checkOptions('Client', options, OPTIONS);
    const addresses = dialAddresses('Client: address', options.address);
    const own = unique();
    this.name = options.name === undefined ? `client-${own}` : checkString('Client: name', options.name);
    const limit =
      options.historyLimit === Infinity ? Infinity : checkInteger('Client: historyLimit', options.historyLimit, HISTORY_LIMIT, 1);
    this.#connection = new Connection({
      addresses,
      name: this.name,
      id: options.name === undefined ? this.name : `${this.name}-${own}`,
      function: options.function === undefined ? undefined : checkString('Client: function', options.function),
      connectTimeoutMs:
        options.connectTimeoutMs === undefined ? Infinity : checkInteger('Client: connectTimeoutMs', options.connectTimeoutMs, 0, 1),
      maxMessageBytes: checkInteger('Client: maxMessageBytes', options.maxMessageBytes, MAX_MESSAGE_BYTES, 1),
      logger: loggerFor(options.logger),
      transport: checkTransport('Client: transport', options.transport) ?? transportFor(addresses, loggerFor(options.logger)),
      historyLimit: limit,
    });
  }

  /** Where its master is, or is looked for now. */
  get address(): string {
    return this.#connection.address;
  }

  /** `connected`, `disconnected`, `closed`. */
  get events(): Emitter<ClientEvents> {
    return this.#connection.events;
  }

  /**
   * Streams jobs: results come as they are ready, from the first `next()` on. The source is pulled no faster than master and workers
   * take it, and ends the stream when it ends and every result has come.
   *
   * @param name the function that the jobs are for
   * @param payloads a sync or async iterable of bytes, text (sent as UTF-8) or `{ payload, function?, key?, signal?, … }`
   * @throws TypeError if that is one payload instead of many (use `call()`), or for an unknown option
   */
  job<S extends AbortSignal = never>(
    name: Names<W>,
    payloads: Source<Item<Names<W>, S>>,
    options: StreamOptions & { readonly settle: true },
  ): JobStream<SettledBy<S>>;
  job(
    name: Names<W>,
    payloads: Source<Item<Names<W>, AbortSignal>>,
    options?: StreamOptions & { readonly settle?: false | undefined },
  ): JobStream<Buffer>;
  /** With options that are known when it runs. */
  job(
    name: Names<W>,
    payloads: Source<Item<Names<W>, AbortSignal>>,
    options: StreamOptions | undefined,
  ): JobStream<Buffer> | JobStream<Settled<unknown>>;
  /** Without a function: the items name theirs, or the client's default is meant. */
  job<S extends AbortSignal = never>(
    payloads: Source<Item<Names<W>, S>>,
    options: StreamOptions & { readonly settle: true },
  ): JobStream<SettledBy<S>>;
  job(payloads: Source<Item<Names<W>, AbortSignal>>, options?: StreamOptions & { readonly settle?: false | undefined }): JobStream<Buffer>;
  job(payloads: Source<Item<Names<W>, AbortSignal>>, options: StreamOptions | undefined): JobStream<Buffer> | JobStream<Settled<unknown>>;
  job(...args: readonly unknown[]): JobStream<Buffer> | JobStream<Settled<unknown>> {
    return this.#connection.caller.job(NO_SCOPE, args) as JobStream<Buffer> | JobStream<Settled<unknown>>;
  }

  /**
   * Sends one payload, and resolves to its one result.
   * Rejects with a JobError: the function's, or `result-count` if it gives none or more than one.
   */
  call(name: Names<W>, payload: Payload, options?: CallOptions): Promise<Buffer> {
    return this.#connection.caller.call(NO_SCOPE, name, payload, options);
  }

  /**
   * Puts a value into the master's cache, where every client and worker sees it. Resolves to its key, which is made if none is given.
   * Rejects with a RangeError if it can never fit.
   */
  set(value: Payload, key?: string): Promise<string> {
    return this.#connection.caller.set(value, key);
  }

  /** The value of a key, or undefined. */
  get(key: string): Promise<Buffer | undefined> {
    return this.#connection.caller.get(key);
  }

  /** Whether the key was there. */
  delete(key: string): Promise<boolean> {
    return this.#connection.caller.delete(key);
  }

  /** What the master says of itself: its workers, clients, queues and cache. */
  status(): Promise<Status> {
    return this.#connection.caller.status();
  }

  /** What happened to a job, or to a whole stream, as far as the history goes back: a line for each event and instruction. */
  story(stream: JobStream<unknown> | string, index?: number): string[] {
    const { id } = typeof stream === 'string' ? { id: stream } : (stream ?? {});
    if (typeof id !== 'string') throw new TypeError(`story: expected a stream, or the id of one, got ${shown(stream)}`);
    const mine = id.startsWith(`${this.#connection.id}/`);
    return mine ? this.#connection.story(Number(id.slice(this.#connection.id.length + 1)), index) : [];
  }

  /** Ends all that is open with a ClosedError, tells the master, and lets the process end. */
  close(): Promise<void> {
    return this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
