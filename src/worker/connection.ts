/**
 * The shell around a worker's state machine: what happens becomes events, instructions are carried out, and a tick ends what happened
 * in one turn of the event loop.
 *
 * A tick begins parts (the sockets have been drained a moment ago, see common/tick.ts), and then sends what came of them, with what was to
 * be said before. Only what may block the event loop waits until that is said. Before any event from outside, what the executor did is
 * told: so the state knows which parts are begun when it is asked to give some back.
 */
import { unique } from '../common/unique.ts';
import { now, WakeUp } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import type { Logger } from '../common/logger.ts';
import { withoutLogin } from '../common/login.ts';
import { Tick } from '../common/tick.ts';
import { ClosedError, ConnectError } from '../errors.ts';
import { Driver, type Handlers } from '../machine/driver.ts';
import type { HistoryEntry } from '../machine/history.ts';
import type { Refused } from '../protocol/greetings.ts';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import { joinPieces } from '../transport/frame_memory.ts';
import { PayloadStore } from '../protocol/payloads.ts';
import type { PeerInstruction } from '../protocol/peer.ts';
import { Caller } from '../streams/caller.ts';
import type { ConsumerEvent } from '../streams/events.ts';
import type { ConsumerPort } from '../streams/port.ts';
import { whoIsAt } from '../transport/addresses.ts';
import type { Transport } from '../transport/transport.ts';
import type { WorkerEvent } from './events.ts';
import { Executor } from './executor.ts';
import type { Served } from './executor_options.ts';
import type { WorkerInstruction } from './instructions.ts';
import { type Meeting, Sockets } from './sockets.ts';
import { WorkerState } from './state.ts';
import { aboutParts, type PartName } from './story.ts';
import { beganAll } from './turns.ts';

/** How long what is still queued is tried to be sent at the end. */
const LINGER_MS = 1_000;
/** Reasons that are remembered so as not to be logged again. */
const MAX_REASONS = 100;

/** What a worker tells its listeners. */
export interface WorkerEvents {
  /** A master has welcomed the worker: for the first time, after a break, or another master (`anew`). */
  connected: { readonly master: string; readonly address: string; readonly how: 'first' | 'resumed' | 'anew' };
  /** The connection is gone; it is dialled again. */
  disconnected: { readonly address: string };
  /** The worker has stopped, or gave up; then `error` says why. */
  closed: { readonly error: Error | undefined };
}

export interface ConnectionOptions {
  readonly owner: object;
  readonly name: string;
  readonly meeting: Meeting;
  readonly slots: number;
  readonly maxParked: number;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly functions: ReadonlyMap<string, Served>;
  /** Its functions pass jobs on. */
  readonly relays: boolean;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly historyLimit: number;
}

export class Connection implements ConsumerPort {
  readonly id: string;
  readonly store: PayloadStore = new PayloadStore({ join: joinPieces });
  readonly events: Emitter<WorkerEvents> = new Emitter();
  readonly caller: Caller;
  readonly #options: ConnectionOptions;
  readonly #executor: Executor;
  readonly #sockets: Sockets;
  readonly #driver: Driver<WorkerInstruction, WorkerEvent>;
  readonly #tick = new Tick(() => this.#turn());
  readonly #wakeUp = new WakeUp(() => this.#tell({ type: 'wake', now: now() }));
  readonly #reasons = new Set<string>();
  /** Parts of which a result was lost, in the flush under way. */
  readonly #failed = new Set<number>();
  #maxMessageBytes: number = MAX_MESSAGE_BYTES;
  #connected = false;
  /** Something happened that no flush has followed: there may be something to say. */
  #unsaid = false;
  /** A part that may block waited for that: it must not wait for what comes next as well. */
  #heldBack = false;
  #closed = false;
  #started: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #stopped: Promise<void>;
  #resolveStopped: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    const { name, meeting, functions, slots, maxParked, resources, transport } = options;
    this.#options = options;
    this.id = `${name}-${unique()}`;
    this.caller = new Caller(this);
    const wake = (): void => this.#schedule();
    this.#executor = new Executor({
      owner: options.owner,
      name,
      functions,
      store: this.store,
      nested: this.caller,
      relays: options.relays,
      now,
      wake,
    });
    this.#sockets = new Sockets({
      transport,
      name,
      meeting,
      store: this.store,
      lost: { job: this.caller.lost.job, part: (key, attempt, untold) => this.#lost(key, attempt, untold), failed: this.#failed },
      tell: (event) => this.#tell(event),
      rejected: (reason) => this.#rejected(reason),
    });
    this.#driver = new Driver({
      machine: new WorkerState({ name, functions: [...functions.keys()], slots, maxParked, resources }),
      handlers: this.#handlers(),
      failed: (error) => this.#broken(error),
      historyLimit: options.historyLimit,
    });
    this.#stopped = new Promise((resolve) => {
      this.#resolveStopped = resolve;
    });
  }

  /** Where the master is, or is looked for now. */
  get address(): string {
    return this.#sockets.address;
  }

  get #where(): string {
    return withoutLogin(this.address);
  }

  /** Dials the master, and resolves when it has welcomed us; or listens, and resolves when it does. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      this.#tell({ type: 'start', now: now() });
      this.#sockets.open().then(
        () => 'listen' in this.#options.meeting && resolve(),
        (error: Error) => this.#close(0, error),
      );
    });
  }

  /** Ends in order, at the latest after so long. */
  stop(deadlineMs: number): Promise<void> {
    // A function may ask for it, in the midst of a run.
    queueMicrotask(() => this.#tell({ type: 'stop', deadlineAtMs: now() + deadlineMs, now: now() }));
    return this.#stopped;
  }

  feed(event: ConsumerEvent): void {
    this.#unsaid = true;
    this.#driver.feed(event);
    this.#schedule();
  }

  atFlush(gather: () => void): void {
    this.#tick.atEnd(gather);
  }

  maxMessageBytes(): number {
    return this.#maxMessageBytes;
  }

  notice(text: string): void {
    this.#options.logger.warn(text);
  }

  story(part: PartName): string[] {
    const { history } = this.#driver;
    return history.story(aboutParts(history.entries(), part));
  }

  history(): readonly HistoryEntry<WorkerEvent, WorkerInstruction>[] {
    return this.#driver.history.entries();
  }

  #tell(event: WorkerEvent): void {
    if (this.#closed) return;
    this.#collect();
    this.#unsaid = true;
    this.#driver.feed(event);
    if (event.type === 'batch') this.#tick.heard(event.now);
    else this.#schedule();
  }

  #collect(): void {
    const ran = this.#executor.collect();
    if (ran === undefined) return;
    this.#unsaid = true;
    this.#driver.feed(ran);
  }

  #schedule(): void {
    if (!this.#closed) this.#tick.schedule();
  }

  #turn(): void {
    if (this.#closed) return;
    this.#collect();
    if (this.#unsaid && (this.#executor.yields || this.#heldBack)) this.#flush();
    this.#driver.feed({ type: 'turn', now: now() });
    this.#flush();
  }

  #flush(): void {
    this.#unsaid = false;
    this.#driver.feed({ type: 'flush', now: now() });
    if (this.#failed.size > 0) this.#failed.clear();
  }

  #lost(key: number, attempt: number, untold: boolean): void {
    this.#unsaid = true;
    this.#driver.feed({ type: 'lost', key, attempt, untold, now: now() });
    this.#schedule();
  }

  #handlers(): Handlers<WorkerInstruction, WorkerEvent> {
    const { logger, meeting, transport } = this.#options;
    const carryOut = (instruction: PeerInstruction): void => this.#sockets.carryOut(instruction);
    return {
      ...this.caller.handlers,
      greet: carryOut,
      send: carryOut,
      resend: carryOut,
      forget: carryOut,
      forgetAll: carryOut,
      run: (instruction) => {
        const ran = this.#executor.run(instruction, this.#unsaid);
        if (!beganAll(instruction, ran)) this.#schedule();
        this.#heldBack = this.#unsaid && ran?.begun === 0;
        return ran === undefined ? undefined : [ran];
      },
      abort: ({ locals, reason }) => this.#executor.abort(locals, reason),
      grant: ({ locals, results, bytes }) => this.#executor.grant(locals, results, bytes),
      welcomed: ({ welcome, how }) => {
        this.#maxMessageBytes = this.#executor.maxMessageBytes = welcome.maxMessageBytes;
        this.#sockets.welcomed(welcome);
        if (!this.#connected || how === 'anew') this.events.emit('connected', { master: welcome.master, address: this.#where, how });
        this.#connected = true;
        this.#started?.resolve();
      },
      lost: () => {
        this.#connected = false;
        this.events.emit('disconnected', { address: this.#where });
      },
      refused: ({ refused }) => this.#refused(refused),
      waiting: () =>
        logger.warn(`waiting for ${'dial' in meeting ? whoIsAt(meeting.dial, transport.trouble?.()) : `a master to dial ${this.address}`}`),
      reject: ({ reason }) => this.#rejected(reason),
      wakeAt: ({ atMs }) => this.#wakeUp.set(atMs),
      stopped: () => this.#close(LINGER_MS, undefined),
    };
  }

  #rejected(reason: string): void {
    if (this.#reasons.has(reason) || this.#reasons.size >= MAX_REASONS) return;
    this.#reasons.add(reason);
    this.#options.logger.warn(`worker ${this.#options.name}: from ${this.#where}: rejected: ${reason}`);
  }

  #refused({ code, text }: Refused): void {
    const { name, logger } = this.#options;
    const address = this.#where;
    const error = new ConnectError(code === 'version' ? 'version' : 'refused', `${address}: ${text}`, { address });
    if (this.#connected || this.#started === undefined) logger.error(`worker ${name}: ${error.message}`);
    this.#close(0, error);
  }

  /** A bug of ours: nothing can be relied on any more, and who keeps this process running is to know. */
  #broken(error: Error): void {
    this.#options.logger.error(error.message);
    process.exitCode ??= 1;
    this.#close(0, error);
  }

  #close(lingerMs: number, error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wakeUp.set(Infinity);
    const closed = error ?? new ClosedError('closed', `worker ${this.#options.name}: closed`);
    this.#started?.reject(closed);
    this.caller.fail(closed);
    void this.#letGo(lingerMs, error);
  }

  async #letGo(lingerMs: number, error: Error | undefined): Promise<void> {
    try {
      await this.#sockets.close(lingerMs);
    } finally {
      this.#resolveStopped();
      this.events.emit('closed', { error });
    }
  }
}
