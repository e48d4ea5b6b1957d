/**
 * The shell around a client's state machine: one socket, one driver, one store of payloads. What happens becomes events, and
 * instructions are carried out; at the end of a tick in which anything happened there is one flush.
 */
import { now, WakeUp } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import type { Logger } from '../common/logger.ts';
import { withoutLogin } from '../common/login.ts';
import { Tick } from '../common/tick.ts';
import { ClosedError, ConnectError } from '../errors.ts';
import { Driver, type Handlers } from '../machine/driver.ts';
import type { HistoryEntry } from '../machine/history.ts';
import type { Fields } from '../protocol/fields.ts';
import { Kept } from '../protocol/kept.ts';
import { encodeLeft, helloOf } from '../protocol/lost_bytes.ts';
import { decode, encodeGreeting } from '../protocol/messages.ts';
import { joinPieces } from '../transport/frame_memory.ts';
import { PayloadStore } from '../protocol/payloads.ts';
import { Caller } from '../streams/caller.ts';
import type { ConsumerEvent } from '../streams/events.ts';
import type { ConsumerPort } from '../streams/port.ts';
import { concerns } from '../streams/story.ts';
import { answererOf, whoIsAt } from '../transport/addresses.ts';
import { MasterDial } from '../transport/master_dial.ts';
import type { Frames, Transport } from '../transport/transport.ts';
import type { ClientEvent, ClientInstruction, GivingUp } from './events.ts';
import { ClientState } from './state.ts';

/** How long what is still queued is tried to be sent at the close. */
const LINGER_MS = 1_000;
/** Reasons that are remembered so as not to be logged again. */
const MAX_REASONS = 100;

/** What a client tells its listeners. */
export type ClientEvents = {
  /** A master has welcomed the client: for the first time, after a break, or another master (`anew`). */
  connected: { readonly master: string; readonly address: string; readonly how: 'first' | 'resumed' | 'anew' };
  /** The connection is gone; it is dialled again, and nothing is lost. */
  disconnected: { readonly address: string };
  /** The client is closed, or gave up (then with the error that all its operations end with). */
  closed: { readonly error: ConnectError | undefined };
};

export interface ConnectionOptions {
  readonly transport: Transport;
  readonly addresses: readonly [string, ...string[]];
  /** What it is, if not a client. */
  readonly role?: 'instance' | undefined;
  readonly name: string;
  /** What the master is told besides. */
  readonly fields?: Fields | undefined;
  /** Unique everywhere. */
  readonly id: string;
  readonly function: string | undefined;
  readonly connectTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly logger: Logger;
  /** How many events the history keeps. */
  readonly historyLimit: number;
}

export class Connection implements ConsumerPort {
  readonly id: string;
  readonly store: PayloadStore = new PayloadStore({ join: joinPieces });
  readonly events: Emitter<ClientEvents> = new Emitter();
  readonly caller: Caller;
  readonly #options: ConnectionOptions;
  readonly #kept = new Kept();
  readonly #driver: Driver<ClientInstruction, ClientEvent>;
  readonly #tick = new Tick((nowMs) => this.#driver.feed({ type: 'flush', now: nowMs }));
  readonly #wakeUp = new WakeUp(() => this.#feed({ type: 'wake', now: now() }));
  readonly #socket: MasterDial;
  readonly #reasons = new Set<string>();
  #maxMessageBytes: number;
  #closing: Promise<void> | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.id = options.id;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.caller = new Caller(this, options.function);
    this.#driver = new Driver({
      machine: new ClientState({ ...options, answerer: answererOf(options.addresses) }),
      handlers: this.#handlers(),
      failed: (error) => this.#broken(error),
      historyLimit: options.historyLimit,
    });
    this.#socket = new MasterDial(options.transport, options.addresses, {
      connected: () => this.#feed({ type: 'connected', now: now() }),
      disconnected: () => this.#feed({ type: 'disconnected', now: now() }),
      message: (frames) => this.#message(frames),
      rejected: ({ reason }) => this.#rejected(reason),
    });
    this.#feed({ type: 'start', now: now() });
  }

  /** Where the master is, or is looked for now. */
  get address(): string {
    return this.#socket.address;
  }

  /** As `address`, for people to read. */
  get #where(): string {
    return withoutLogin(this.address);
  }

  feed(event: ConsumerEvent): void {
    this.#feed(event);
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

  story(stream: number, job: number | undefined): string[] {
    return this.#driver.history.story((thing) => concerns(thing, stream, job));
  }

  history(): readonly HistoryEntry<ClientEvent, ClientInstruction>[] {
    return this.#driver.history.entries();
  }

  /** Ends everything that is open, tells the master, and lets the socket go. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.caller.fail(new ClosedError('closed', `client ${this.#options.name}: closed`));
      this.#closing = this.#whenClosed;
      this.#driver.feed({ type: 'close', now: now() });
    }
    return this.#closing;
  }

  #resolveClosed: () => void = () => undefined;
  readonly #whenClosed = new Promise<void>((resolve) => {
    this.#resolveClosed = resolve;
  });

  #feed(event: ClientEvent): void {
    // First: what it leads to belongs to its tick, and need not ask for one.
    if (event.type === 'batch') this.#tick.heard(event.now);
    else this.#tick.schedule();
    this.#driver.feed(event);
  }

  #message(frames: Frames): void {
    const before = this.store.bytes;
    const message = decode(frames, this.store);
    switch (message.type) {
      case 'batch': {
        const { envelope, records } = message;
        return this.#feed({ type: 'batch', envelope, records, bytes: this.store.bytes - before, now: now() });
      }
      case 'welcome':
        return this.#feed({ type: 'welcome', welcome: message, now: now() });
      case 'refused':
        return this.#feed({ type: 'refused', refused: message, now: now() });
      case 'resync':
        return this.#feed({ type: 'resync', now: now() });
      case 'hello':
        return this.#feed({ type: 'rejected', reason: 'a master says no hello', version: undefined, now: now() });
      case 'rejected':
        return this.#feed({ type: 'rejected', reason: message.reason, version: message.version, now: now() });
    }
  }

  #rejected(reason: string): void {
    if (this.#reasons.has(reason) || this.#reasons.size >= MAX_REASONS) return;
    this.#reasons.add(reason);
    this.#options.logger.warn(`client ${this.#options.name}: from ${this.#where}: rejected: ${reason}`);
  }

  #handlers(): Handlers<ClientInstruction, ClientEvent> {
    const { addresses, logger } = this.#options;
    return {
      ...this.caller.handlers,
      greet: ({ hello }) => this.#socket.send(encodeGreeting(helloOf(hello, this.#kept))),
      send: ({ envelope, records, transmit }) => {
        const frames = encodeLeft(envelope, records, this.store, this.caller.lost);
        if (envelope.seq > 0) this.#kept.keep(envelope.lane, envelope.seq, frames);
        if (transmit) this.#socket.send(frames);
      },
      resend: ({ lane, from }) => {
        const kept = this.#kept.again(lane, from);
        if (kept === undefined) return [{ type: 'resync', now: now() }];
        for (const frames of kept) this.#socket.send(frames);
        return undefined;
      },
      forget: ({ lane, upTo }) => this.#kept.forget(lane, upTo),
      forgetAll: () => this.#kept.forgetAll(),
      welcomed: ({ master, how, maxMessageBytes }) => {
        this.#maxMessageBytes = Math.min(this.#options.maxMessageBytes, maxMessageBytes);
        this.events.emit('connected', { master, address: this.#where, how });
      },
      lost: () => this.events.emit('disconnected', { address: this.#where }),
      waiting: () => logger.warn(`waiting for ${whoIsAt(addresses, this.#options.transport.trouble?.())}`),
      gaveUp: ({ code, text }) => this.#gaveUp(code, text),
      reject: ({ reason }) => this.#rejected(reason),
      wakeAt: ({ atMs }) => this.#wakeUp.set(atMs),
      closed: () => this.#letGo(LINGER_MS, undefined),
    };
  }

  #gaveUp(code: GivingUp, text: string): void {
    const address = this.#where;
    const trouble = this.#options.transport.trouble?.();
    const error = new ConnectError(code, `${address}: ${text}${trouble === undefined ? '' : `: ${trouble}`}`, { address });
    this.caller.fail(error);
    this.#closing = this.#whenClosed;
    this.#letGo(0, error);
  }

  /** A bug of ours: nothing can be relied on any more. */
  #broken(error: Error): void {
    this.#options.logger.error(error.message);
    this.caller.fail(error);
    this.#closing = this.#whenClosed;
    this.#letGo(0, undefined);
  }

  #letGo(lingerMs: number, error: ConnectError | undefined): void {
    this.#wakeUp.set(Infinity);
    this.#kept.forgetAll();
    void this.#closed(this.#socket.close(lingerMs), error);
  }

  async #closed(socket: Promise<void>, error: ConnectError | undefined): Promise<void> {
    try {
      await socket;
    } catch {
      // It is gone either way.
    }
    this.#resolveClosed();
    this.events.emit('closed', { error });
  }
}
