import { ClosedError } from '../errors.ts';
import { builtin } from '../common/builtin.ts';
import { checkBoolean, checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import type { Emitter } from '../common/emitter.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { onSignals } from '../common/signals.ts';
import { HISTORY_LIMIT } from '../machine/driver.ts';
import type { ResourceOffer } from '../resources/types.ts';
import type { Payload, Status } from '../streams/types.ts';
import { dialAddresses, listenAddress } from '../transport/addresses.ts';
import type { Transport } from '../transport/transport.ts';
import { transportFor } from '../transport/engines.ts';
import { checkTransport } from '../transport/given.ts';
import { MemoryNetwork } from '../transport/memory.ts';
import { Connection, type WorkerEvents } from './connection.ts';
import type { Served } from './executor_options.ts';
import { countIsolated, isChild, IsolatedChild } from './isolated_child.ts';
import { Isolation } from './isolation.ts';
import { offered } from './offered.ts';
import type { Meeting } from './sockets.ts';
import { BASE, RELAYS, servedFunctions } from './served.ts';
import { STARTS } from './starts.ts';

const OPTIONS = [
  'name',
  'address',
  'listen',
  'insecure',
  'slots',
  'isolate',
  'resources',
  'logger',
  'maxParked',
  'drainTimeoutMs',
  'transport',
  'historyLimit',
] as const;
/** As many as credit lets come: a generator that kept its slot while it waits could keep its own consumers from running. */
const MAX_PARKED = 65_536;
const DRAIN_MS = 30_000;

export interface WorkerOptions {
  /** What the master, its logs and the errors of jobs call this worker. */
  readonly name: string;
  /**
   * Where the master is, as `tcp://host:port` or `ipc://path`; or several masters: the first that is there is used. Whoever is to meet
   * needs the same list in the same order. Or an engine in its place, as `redis://host:port` or `nats://host:port`.
   */
  readonly address?: string | readonly string[] | undefined;
  /** Instead of `address`: where a master dials this worker (`master.dial`), as `tcp://host:port` (port `*`: a free one) or `ipc://path`. */
  readonly listen?: string | undefined;
  /** Allows a `listen` that other machines can reach, although nothing is encrypted and nobody is asked who they are. */
  readonly insecure?: boolean | undefined;
  /** How many functions run at a time. More than 1 is of use where they wait for something. Default: 1. */
  readonly slots?: number | undefined;
  /**
   * What the master may give to jobs that ask for it (policy `grain()`): `{ cores: 8, memoryGb: 16, token: 'gpu' }`. Default: the cores and
   * the memory that this process may use.
   */
  readonly resources?: ResourceOffer | undefined;
  /**
   * Runs each function in a process of its own, which can be killed: the program is run again in each, up to the `start()` of this worker. See
   * docs/workers.md. Default: false.
   */
  readonly isolate?: boolean | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
  /** How many functions may wait for a slow consumer without holding a slot. Default: 65536, more than credit lets come. */
  readonly maxParked?: number | undefined;
  /** How long `stop()` waits for what runs, in milliseconds. Default: 30 s. */
  readonly drainTimeoutMs?: number | undefined;
  /** How messages travel; default: ZeroMQ. */
  readonly transport?: Transport | undefined;
  /** How many events `story()` can look back on; Infinity records all. Default: 64. */
  readonly historyLimit?: number | undefined;
}

/**
 * Runs functions for a master. Subclass it: each method is a function that clients can call, except those whose names begin with `_`;
 * or exactly those of `static functions = ['foo']`, if that is there. (TypeScript's `private` keeps nobody out: it is gone at run time.)
 * A property that holds a function is no method, and is not served, though the types of a Client cannot tell the two apart.
 *
 * A function is given the payload as a Buffer, and a JobContext. It gives back bytes or text (one result), nothing (one empty result), a
 * promise of these, or is a generator, sync or async, that yields bytes: many results. A result of up to 16 KiB is copied at once. A larger
 * one is given away: it is not to be written to again, nor transferred. What a function throws fails its job, and nothing else.
 *
 * ```ts
 * class MyWorker extends Worker {
 *   foo(message: Buffer): string {
 *     return `${this.name} processed ${message.toString()}`;
 *   }
 * }
 * await new MyWorker({ name: 'worker1', address: 'tcp://127.0.0.1:5555' }).start();
 * ```
 */
export abstract class Worker implements AsyncDisposable {
  static readonly [BASE]: true = true;
  readonly name: string;
  readonly slots: number;
  readonly #connection: Connection;
  readonly #drainMs: number;
  /** With `isolate`, where functions run; in such a process, what it does instead of dialling a master. */
  readonly #isolation: Isolation | undefined;
  readonly #child: IsolatedChild | undefined;
  #phase: 'new' | 'connecting' | 'serving' | 'stopping' | 'closed' = 'new';

  /** @throws TypeError or RangeError that names the option (or the function), what was expected and the value seen */
  constructor(options: WorkerOptions) {
    checkOptions('Worker', options, OPTIONS);
    this.name = checkString('Worker: name', options.name);
    this.slots = checkInteger('Worker: slots', options.slots, 1, 1, 65_536);
    this.#drainMs = checkInteger('Worker: drainTimeoutMs', options.drainTimeoutMs, DRAIN_MS, 0);
    const limit = options.historyLimit;
    const meeting = meetingOf(options);
    const given = checkTransport('Worker: transport', options.transport);
    const isolate = checkBoolean('Worker: isolate', options.isolate, false);
    const functions = servedFunctions(new.target) as Map<string, Served>;
    const number = isolate ? countIsolated() : 0;
    if (isChild()) this.#child = new IsolatedChild(this, functions, number);
    else if (isolate)
      this.#isolation = new Isolation({ name: this.name, number, slots: this.slots, caller: () => this.#connection.caller });
    this.#connection = new Connection({
      owner: this,
      name: this.name,
      meeting,
      slots: this.slots,
      maxParked: checkInteger('Worker: maxParked', options.maxParked, MAX_PARKED, 0),
      resources: offered('Worker: resources', options.resources),
      functions: this.#isolation?.wrap(functions) ?? functions,
      logger: loggerFor(options.logger),
      historyLimit: limit === Infinity ? limit : checkInteger('Worker: historyLimit', limit, HISTORY_LIMIT, 1),
      relays: Object.hasOwn(new.target, RELAYS),
      // A process of isolated functions reaches nobody but its parent.
      transport: this.#child === undefined ? (given ?? transportOf(meeting, loggerFor(options.logger))) : new MemoryNetwork().transport(),
    });
    this.#connection.events.on('closed', () => {
      this.#phase = 'closed';
      this.#isolation?.close();
    });
  }

  /** Where its master is, or is looked for now; or where it listens, with the port that was chosen. */
  get address(): string {
    return this.#connection.address;
  }

  /** `connected`, `disconnected`, `closed`. */
  get events(): Emitter<WorkerEvents> {
    return this.#connection.events;
  }

  get state(): 'new' | 'connecting' | 'serving' | 'stopping' | 'closed' {
    return this.#phase;
  }

  /**
   * Dials the master. Resolves when a master has welcomed the worker, however long that takes. A worker that listens: when it does.
   * Rejects with a ConnectError: `version` or `refused`; with a ClosedError if it is stopped before; with an Error of code EADDRINUSE.
   * @param options `signals: true`: SIGINT and SIGTERM stop it in order, even before it was welcomed (then it resolves)
   */
  async start(options: { readonly signals?: boolean | undefined } = {}): Promise<void> {
    checkOptions('start', options, ['signals']);
    const signals = checkBoolean('start: signals', options.signals, false);
    if (this.#phase !== 'new') throw new Error(`start: worker '${this.name}' was started already`);
    this.#phase = 'connecting';
    if (this.#child !== undefined) return await this.#child.start();
    builtin('diagnostics_channel').channel(STARTS).publish(this);
    let signalled = false;
    if (signals) {
      const uninstall = onSignals(() => {
        signalled = true;
        void this.stop();
      });
      this.events.on('closed', uninstall);
    }
    try {
      await this.#isolation?.start();
      await this.#connection.start();
    } catch (error) {
      this.#isolation?.close();
      if (!signalled || !(error instanceof ClosedError)) throw error;
    }
    if (this.state === 'connecting') this.#phase = 'serving';
  }

  /**
   * Takes no more jobs, gives back those it has not begun, finishes what runs, and says goodbye. Resolves when it is closed.
   * @param options `deadlineMs`: how long that may take; what runs then is told by its signal, and done elsewhere.
   */
  async stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    checkOptions('stop', options, ['deadlineMs']);
    const deadlineMs = checkInteger('stop: deadlineMs', options.deadlineMs, this.#drainMs, 0);
    if (this.#phase === 'closed') return;
    this.#phase = 'stopping';
    // A later call may only make it shorter.
    await this.#connection.stop(deadlineMs);
  }

  /** Puts a value into the master's cache, where every client and worker sees it. Resolves to its key, which is made if none is given. */
  set(value: Payload, key?: string): Promise<string> {
    return (this.#child ?? this.#connection.caller).set(value, key);
  }

  /** The value of a key in the master's cache, or undefined. */
  get(key: string): Promise<Buffer | undefined> {
    return (this.#child ?? this.#connection.caller).get(key);
  }

  /** Removes a key from the master's cache. Resolves to whether it was there. */
  delete(key: string): Promise<boolean> {
    return (this.#child ?? this.#connection.caller).delete(key);
  }

  /** What the master says of itself: its workers, clients, queues and cache. */
  status(): Promise<Status> {
    return (this.#child ?? this.#connection.caller).status();
  }

  /** What happened here to a part (by its key), or to a job of a stream, as far as the history goes back: a line for each event. */
  story(part: number): string[];
  story(stream: string, job: number): string[];
  story(first: number | string, job = 0): string[] {
    if (typeof first !== 'number' && typeof first !== 'string')
      throw new TypeError(`story: expected the key of a part, or the id of a stream, got ${shown(first)}`);
    return this.#connection.story(typeof first === 'number' ? first : { stream: first, job });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function meetingOf({ address, listen, insecure }: WorkerOptions): Meeting {
  const open = checkBoolean('Worker: insecure', insecure, false);
  if (listen === undefined) return { dial: dialAddresses('Worker: address', address) };
  if (address !== undefined) throw new TypeError('Worker: expected an address to dial or one to listen at, got both');
  return { listen: listenAddress('Worker: listen', listen, open) };
}

function transportOf(meeting: Meeting, logger: Logger): Transport {
  return transportFor('dial' in meeting ? meeting.dial : [meeting.listen], logger);
}
