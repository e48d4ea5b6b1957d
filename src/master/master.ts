/**
 * The master's shell, which users subclass: it owns the sockets, the cache, the clock and the user's generators. What is to be done
 * is decided in state.ts.
 */
import { builtin } from '../common/builtin.ts';
import { checkBoolean, checkInteger, checkOptions } from '../common/check.ts';
import { now, WakeUp } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import { type Logger, loggerFor } from '../common/logger.ts';
import { onSignals } from '../common/signals.ts';
import { Tick } from '../common/tick.ts';
import { ClosedError } from '../errors.ts';
import { Driver, type Handlers } from '../machine/driver.ts';
import { decodeError, encodeError } from '../protocol/remote_error.ts';
import type { ResourceOffer } from '../resources/types.ts';
import { Inside } from '../transport/inside.ts';
import { zeromqTransport } from '../transport/zeromq.ts';
import { Cache } from './cache.ts';
import { Calls } from './calls.ts';
import type { KeyStore } from './desk.ts';
import type { InstanceHost } from './instance_host.ts';
import type { MasterEvent } from './events.ts';
import { Generators, type Messages } from './generators.ts';
import type { MasterInstruction, News } from './instructions.ts';
import type { Message } from './message.ts';
import { checkMasterOptions, type MasterEvents, type MasterOptions, readDialOptions, warnIfOpen, withDefaults } from './options.ts';
import { Peers } from './peers.ts';
import type { MasterState } from './state.ts';
import { type MasterStatus, sentence } from './status.ts';
import { mentions } from './story.ts';

const STOP_DEADLINE_MS = 10_000;
const LINGER_MS = 500;

/**
 * Takes jobs from clients, hands them to workers, and the results back. Subclass it to change messages on their way:
 *
 * @example
 *     class Tripled extends Master {
 *       *scatter(message) { for (let i = 0; i < 3; i += 1) yield message; }
 *     }
 *     await new Tripled({ name: 'master', address: 'tcp://127.0.0.1:5555' }).start();
 */
export class Master {
  readonly name: string;
  readonly events: Emitter<MasterEvents> = new Emitter();
  /** The key-value store that clients and workers see. */
  readonly cache: Cache;
  readonly #options: MasterOptions;
  readonly #logger: Logger;
  readonly #peers: Peers;
  readonly #calls: Calls;
  readonly #tick = new Tick((nowMs) => this.#driver?.feed({ type: 'flush', now: nowMs }), { atOnce: true });
  readonly #instances: InstanceHost | undefined;
  readonly #wakeUp = new WakeUp(() => this.#feed({ type: 'wake', now: now() }));
  #driver: Driver<MasterInstruction, MasterEvent> | undefined;
  #state: MasterState | undefined;
  /** What came while the sockets were being bound: peers of an earlier master do not wait, nor does who stops it. */
  readonly #early: MasterEvent[] = [];
  #phase: 'new' | 'started' | 'stopping' | 'closed' = 'new';
  #stopped: Promise<void> | undefined;
  #uninstall: () => void = () => undefined;
  #finish: () => void = () => undefined;

  /**
   * @param inner for masters within this package. `keys`: what answers calls for the cache; default: its own cache. `instances`: who looks
   * after specialized workers; default: they are sent away.
   * @throws TypeError or RangeError that names the option, what was expected and the value seen.
   */
  constructor(options: MasterOptions, inner: { readonly keys?: KeyStore; readonly instances?: InstanceHost } = {}) {
    checkMasterOptions(options);
    this.name = options.name;
    this.#options = options;
    this.#instances = inner.instances;
    this.#logger = loggerFor(options.logger);
    this.cache = new Cache(options.cache, (what) => this.events.emit('evicted', what));
    const inside = new Inside(options.transport ?? zeromqTransport());
    this.#peers = new Peers({
      transport: inside.transport,
      logger: this.#logger,
      feed: (event) => this.#feed(event),
      rejected: (what) => this.events.emit('rejected', what),
    });
    this.#calls = new Calls({
      store: this.#peers.store,
      keys: inner.keys ?? this.cache,
      status: () => this.status(),
      host: () => ({
        address: this.address,
        transport: inside.dialer(),
        maxBytes: withDefaults(options).bufferBytes,
        whereabouts: (stream) => (this.#state as MasterState).whereabouts(stream),
      }),
    });
  }

  /** Where it listens, once started; with the port that was chosen. */
  get address(): string {
    return this.#peers.address || this.#options.address;
  }

  /** For each inbound message: yields the messages for workers, none to many. Override it. The default yields the message. */
  scatter(message: Message): Messages {
    return [message];
  }

  /** For each outbound message: yields the messages for the client, none to many. Override it. The default yields the message. */
  gather(message: Message): Messages {
    return [message];
  }

  /**
   * Binds its sockets. Resolves when clients and workers can connect.
   * @param options `signals: true`: SIGINT and SIGTERM stop it in order.
   * @throws Error with code EADDRINUSE if the address is taken; ClosedError if it is stopped before.
   */
  async start(options: { signals?: boolean } = {}): Promise<void> {
    checkOptions('start', options, ['signals']);
    const signals = checkBoolean('signals', options.signals, false);
    if (this.#phase === 'started') throw new Error(`start: the master '${this.name}' was started already`);
    if (this.#phase !== 'new' || !(await this.#begin())) throw new ClosedError('closed', `master ${this.name}: closed`);
    if (signals) this.#uninstall = onSignals(() => void this.stop());
    this.events.emit('listening', { address: this.address });
  }

  /** Resolves to whether it has not been stopped meanwhile. */
  async #begin(): Promise<boolean> {
    this.#phase = 'started';
    warnIfOpen(this.#options, this.#logger);
    try {
      // A third of all code, which a client's or a worker's process does without.
      const { MasterState: Machine } = await import('./state.ts');
      this.#run(Machine, await this.#peers.bind(this.#options));
      return this.#phase === 'started';
    } catch (error) {
      await this.#peers.close(0);
      this.#phase = 'closed';
      // Who stops it meanwhile waits for this.
      this.#finish();
      throw error;
    }
  }

  #run(Machine: typeof MasterState, sockets: { pushAt: string; pullAt: string }): void {
    const given = withDefaults(this.#options);
    const epoch = builtin('crypto').randomBytes(8).toString('hex');
    this.#state = new Machine({
      name: this.name,
      epoch,
      ...given,
      tasklets: this.#instances?.tasklets,
      scatter: this.scatter !== Master.prototype.scatter,
      gather: this.gather !== Master.prototype.gather,
      ...sockets,
    });
    this.#driver = new Driver({
      machine: this.#state,
      handlers: this.#handlers(new Generators(this, this.#peers.store, given.maxMessageBytes)),
      failed: (error) => this.#failed(error),
      historyLimit: this.#options.historyLimit,
    });
    for (const event of this.#early.splice(0)) this.#feed(event);
    this.#peers.dials.begin(epoch);
  }

  #handlers(generators: Generators): Handlers<MasterInstruction, MasterEvent> {
    const peers = this.#peers;
    return {
      post: (instruction) => peers.post(instruction),
      send: (instruction) => peers.send(instruction),
      resend: (instruction) => peers.resend(instruction),
      forget: (instruction) => peers.forget(instruction),
      drop: (instruction) => peers.drop(instruction),
      hangUp: ({ connection }) => peers.dials.hangUp(connection),
      push: (instruction) => peers.push(instruction),
      keep: ({ slot, error }) => this.#peers.store.putOwn(slot, encodeError(error)),
      release: ({ slots }) => {
        for (const slot of slots) this.#peers.store.release(slot);
      },
      scatter: (instruction) => this.#thenFlush(generators.scatter(instruction)),
      stopScatter: (instruction) => generators.stop(instruction),
      gather: (instruction) => this.#thenFlush(generators.gather(instruction)),
      call: (instruction) => {
        const events = this.#calls.carryOut(instruction);
        return events instanceof Promise ? this.#thenFlush(events) : events;
      },
      wakeAt: ({ atMs }) => this.#wakeUp.set(atMs),
      instance: (change) => this.#instanceChanged(change),
      news: (news) => this.#tell(news),
      log: ({ level, text }) => this.#logger[level](text),
      reject: ({ peer, reason }) => peers.reject({ peer, reason }),
      stopped: () => this.#finish(),
    };
  }

  /** Events of the user's code end a tick of their own. */
  async #thenFlush(events: Promise<MasterEvent[]>): Promise<MasterEvent[]> {
    const list = await events;
    if (this.#phase !== 'closed') this.#tick.schedule();
    return list;
  }

  #feed(event: MasterEvent): void {
    if (this.#driver === undefined) this.#early.push(event);
    else this.#driver.feed(event);
    if (this.#phase === 'closed') return;
    if (event.type === 'batch' || event.type === 'report') this.#tick.heard(event.now);
    else this.#tick.schedule();
  }

  #instanceChanged({ session, name, fields }: Extract<MasterInstruction, { type: 'instance' }>): void {
    if (fields === undefined) return this.#instances?.left(session);
    const dismiss = (text: string): void => this.#feed({ type: 'dismiss', session, text });
    if (this.#instances === undefined) setImmediate(dismiss, 'this master takes no specialized workers');
    else this.#instances.joined(session, name, fields, dismiss);
  }

  #tell({ name, what }: News): void {
    if (name !== 'jobFailed' && name !== 'jobRetried') return this.events.emit(name, what);
    const { code, function: called, worker, message, attempts } = decodeError(this.#peers.store.joined(what.error));
    this.events.emit(name, { stream: what.stream, job: what.job, function: called, code, worker, message, attempts });
  }

  /** What it knows of its workers, clients, streams and cache. */
  status(): MasterStatus {
    if (this.#state === undefined) throw new Error(`status: the master '${this.name}' is not started`);
    return { ...this.#state.status, cache: this.cache.stats, rejected: { ...this.#peers.counts } };
  }

  /** Why jobs wait, in a sentence for each function and what it asks for: what is missing, where it would fit best, what runs there. */
  explain(): string[] {
    return this.status().waiting.map(sentence);
  }

  /** What its history remembers of a job, as lines: each event, and the instructions that followed. */
  story(stream: string, job: number): string[] {
    return this.#driver?.history.story(mentions(this.#driver.history.entries(), stream, job)) ?? [];
  }

  /**
   * Dials a worker that listens, and again whenever its connection is gone, until `undial` or `stop`. `workerJoined` tells when it is there.
   * @param options `resources`: what it offers, instead of what it says itself.
   * @throws TypeError or RangeError for what is no address to dial; Error if it is dialled already, or the master was stopped.
   */
  dial(address: string, options: { readonly resources?: ResourceOffer | undefined } = {}): void {
    this.#peers.dials.add(address, readDialOptions(options));
  }

  /**
   * Lets a worker go that was dialled, when it has finished what it has begun here. Rejects with an Error if the address is not dialled.
   * @param options `deadlineMs`: how long that may take, default 10 s; what is unfinished then runs elsewhere.
   */
  async undial(address: string, options: { deadlineMs?: number } = {}): Promise<void> {
    checkOptions('undial', options, ['deadlineMs']);
    await this.#peers.dials.remove(address, checkInteger('deadlineMs', options.deadlineMs, STOP_DEADLINE_MS, 0));
  }

  /**
   * Takes no more clients and workers, lets the streams that are under way end, and closes.
   * @param options `deadlineMs`: how long that may take, default 10 s; what is unfinished then is given up.
   */
  stop(options: { deadlineMs?: number } = {}): Promise<void> {
    checkOptions('stop', options, ['deadlineMs']);
    const deadlineMs = checkInteger('deadlineMs', options.deadlineMs, STOP_DEADLINE_MS, 0);
    this.#stopped ??= this.#stop(deadlineMs);
    return this.#stopped;
  }

  async #stop(deadlineMs: number): Promise<void> {
    if (this.#phase === 'started') {
      this.#phase = 'stopping';
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
        this.#feed({ type: 'stop', deadlineMs, now: now() });
      });
    }
    await this.#close();
  }

  async #close(error?: Error): Promise<void> {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#uninstall();
    this.#wakeUp.set(Infinity);
    await this.#calls.close();
    await this.#peers.close(LINGER_MS);
    this.events.emit('closed', { error });
  }

  #failed(error: Error): void {
    this.#logger.error(error.message);
    process.exitCode ??= 1;
    this.#finish();
    this.#stopped ??= this.#close(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
