/** The master's three sockets, and those that dial workers: what comes in becomes events, what is to go out is encoded and kept until it is acknowledged. */
import { builtin } from '../common/builtin.ts';
import { now } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { dialled, neighbour, parseAddress } from '../transport/addresses.ts';
import type { BoundSocket, Frames, PushSocket, RouterSocket, Transport } from '../transport/transport.ts';
import { Kept } from '../protocol/kept.ts';
import { type Batch, decode, encodeBatch, encodeGreeting, VERSION } from '../protocol/messages.ts';
import { PayloadStore } from '../protocol/payloads.ts';
import { Slabs } from '../protocol/slabs.ts';
import { Dials, FIRST_DIALLED } from './dials.ts';
import type { MasterEvent } from './events.ts';
import type { MasterInstruction } from './instructions.ts';

type Instruction<T extends MasterInstruction['type']> = Extract<MasterInstruction, { type: T }>;

/** A message that was not taken. */
export interface RejectedMessage {
  /** Who it came from, as far as is known. */
  readonly peer: string;
  readonly reason: string;
}

/** Where a master listens; those for workers are beside the first, if nobody says. */
interface BindAddresses {
  readonly address: string;
  readonly workerPushAddress?: string | undefined;
  readonly workerPullAddress?: string | undefined;
}

export interface PeersOptions {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly feed: (event: MasterEvent) => void;
  readonly rejected: (what: RejectedMessage) => void;
}

const MAX_LOGGED = 1_000;
/** The answer to the last word of a worker that was dialled. Questions are under way at any time, so it is none. */
const GOODBYE = { type: 'refused', code: 'closing', text: 'goodbye' } as const;

export class Peers {
  /** What came in, until it is let go: in memory that is used again. */
  readonly store: PayloadStore;
  readonly #slabs = new Slabs();
  readonly #options: PeersOptions;
  readonly #kept = new Map<number, Kept>();
  /** What was said to stderr already, so that a peer is logged once for each reason. */
  readonly #logged = new Set<string>();
  readonly counts: Record<string, number> = {};
  readonly dials: Dials;
  #router: RouterSocket | undefined;
  #pull: BoundSocket | undefined;
  #push: PushSocket | undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
    this.store = new PayloadStore({ owner: this.#slabs });
    const { transport, feed, logger } = options;
    this.dials = new Dials({
      transport,
      message: (connection, frames) => this.#fromPeer(connection, frames),
      lost: (connection) => feed({ type: 'lost', connection, now: now() }),
      rejected: (what) => this.reject(what),
      leave: (connection, deadlineMs) => feed({ type: 'undial', connection, deadlineMs, now: now() }),
      waiting: (address) => logger.warn(`waiting for a worker at ${address}`),
    });
  }

  get address(): string {
    return this.#router?.address ?? '';
  }

  /** Binds all three, or none. Returns where PUSH and PULL are, as the welcome says it. */
  async bind(at: BindAddresses): Promise<{ pushAt: string; pullAt: string }> {
    const { transport, feed } = this.#options;
    const room = (bytes: number): Buffer | undefined => this.#slabs.room(bytes);
    const rejected = (what: RejectedMessage): void => this.reject(what);
    try {
      this.#router = await transport.bindRouter(at.address, {
        room,
        message: (connection, frames) => this.#fromPeer(connection, frames),
        lost: (connection) => feed({ type: 'lost', connection, now: now() }),
        rejected,
      });
      const bound = this.#router.address;
      this.#push = await transport.bindPush(at.workerPushAddress ?? neighbour(bound, 'push'), {
        peers: (count, strangers) => feed({ type: 'pushPeers', count, strangers }),
        disconnected: () => feed({ type: 'pushLost' }),
        rejected,
      });
      this.#pull = await transport.bindPull(at.workerPullAddress ?? neighbour(bound, 'pull'), {
        room,
        message: (frames) => this.#fromPull(frames),
        rejected,
      });
      return { pushAt: where(this.#push.address, bound, 'push'), pullAt: where(this.#pull.address, bound, 'pull') };
    } catch (error) {
      await this.close(0);
      throw error;
    }
  }

  async close(lingerMs: number): Promise<void> {
    const bound = [this.#router, this.#pull, this.#push];
    await Promise.all([this.dials.close(lingerMs), ...bound.map((socket) => socket?.close(lingerMs))]);
    this.#kept.clear();
  }

  /** Counts a message that was not taken, and says so once for each peer and reason. */
  reject(what: RejectedMessage): void {
    this.counts[what.reason] = (this.counts[what.reason] ?? 0) + 1;
    const line = `rejected a message from ${what.peer}: ${what.reason}`;
    if (!this.#logged.has(line) && this.#logged.size < MAX_LOGGED) {
      this.#logged.add(line);
      this.#options.logger.warn(line);
    }
    this.#options.rejected(what);
  }

  #fromPeer(connection: number, frames: Frames): void {
    const { store } = this;
    const { feed } = this.#options;
    const before = store.bytes;
    const at = now();
    const message = decode(frames, store);
    switch (message.type) {
      case 'batch':
        return this.#batch(message, connection, store.bytes - before, at);
      case 'hello':
        return feed({
          type: 'hello',
          connection,
          hello: this.dials.known(connection, message),
          token: builtin('crypto').randomBytes(8).toString('hex'),
          now: now(),
        });
      case 'rejected':
        this.reject({ peer: this.#nameOf(connection), reason: message.reason });
        if (message.version === undefined) return;
        return this.post({ connection, greeting: { type: 'refused', code: 'version', text: `this master speaks version ${VERSION}` } });
      case 'refused':
        if (connection >= FIRST_DIALLED) return this.reject({ peer: this.#nameOf(connection), reason: message.text });
        return this.#unexpected(connection, message.type);
      default:
        return this.#unexpected(connection, message.type);
    }
  }

  #unexpected(connection: number, type: string): void {
    this.reject({ peer: this.#nameOf(connection), reason: `a master is not sent '${type}'` });
  }

  #nameOf(connection: number): string {
    return this.dials.addressOf(connection) ?? `connection ${connection} of ${this.address}`;
  }

  /** `at`: when it came, before it was read; that takes longer than a tick waits for what lies there. */
  #batch({ envelope, records }: Batch, connection: number, bytes: number, at: number): void {
    const { feed } = this.#options;
    // A worker that was dialled has no other way for its reports.
    if (envelope.lane === 'reports' && connection >= FIRST_DIALLED) feed({ type: 'report', envelope, records, bytes, now: at });
    else feed({ type: 'batch', connection, envelope, records, bytes, now: at });
    // It stays until it has heard that we have read its last word.
    if (connection >= FIRST_DIALLED && records.at(-1)?.kind === 'goodbye') this.post({ connection, greeting: GOODBYE });
  }

  #send(connection: number, frames: Frames): void {
    if (connection >= FIRST_DIALLED) this.dials.send(connection, frames);
    else this.#router?.send(connection, frames);
  }

  #fromPull(frames: Frames): void {
    const { store } = this;
    const { feed } = this.#options;
    const before = store.bytes;
    const at = now();
    const message = decode(frames, store);
    if (message.type === 'batch')
      feed({ type: 'report', envelope: message.envelope, records: message.records, bytes: store.bytes - before, now: at });
    else
      this.reject({
        peer: `a peer of ${this.#pull?.address ?? ''}`,
        reason: message.type === 'rejected' ? message.reason : `a report cannot be '${message.type}'`,
      });
  }

  post({ connection, greeting }: Pick<Instruction<'post'>, 'connection' | 'greeting'>): void {
    this.#send(connection, encodeGreeting(greeting));
  }

  send({ session, connection, envelope, records }: Instruction<'send'>): void {
    const frames = encodeBatch(envelope, records, this.store);
    if (envelope.seq > 0) {
      let kept = this.#kept.get(session);
      if (kept === undefined) this.#kept.set(session, (kept = new Kept((arrived) => this.#slabs.arrived(arrived))));
      kept.keep('control', envelope.seq, frames);
      this.#slabs.sent(frames);
    }
    if (connection >= 0) this.#send(connection, frames);
  }

  resend({ session, connection, from }: Instruction<'resend'>): void {
    for (const frames of this.#kept.get(session)?.from('control', from) ?? []) {
      this.#slabs.pin(frames);
      this.#send(connection, frames);
    }
  }

  forget({ session, upTo }: Instruction<'forget'>): void {
    this.#kept.get(session)?.forget('control', upTo);
  }

  drop({ session }: Instruction<'drop'>): void {
    this.#kept.delete(session);
  }

  push({ envelope, records }: Instruction<'push'>): void {
    const frames = encodeBatch(envelope, records, this.store);
    this.#slabs.pin(frames);
    this.#push?.send(frames);
  }
}

/** How a peer finds a socket: by its port or suffix where that is enough, else by its whole address. */
function where(bound: string, main: string, suffix: string): string {
  const { scheme, host, port } = parseAddress(bound);
  if (scheme === 'tcp') return parseAddress(main).scheme === 'tcp' && parseAddress(main).host === host ? String(port) : bound;
  return dialled(main, suffix) === bound ? suffix : bound;
}
