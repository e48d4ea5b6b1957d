/** The three sockets of a worker, what it keeps until the master has acknowledged it, and how messages become events. */
import { now } from '../common/clock.ts';
import { Kept } from '../protocol/kept.ts';
import type { Welcome } from '../protocol/greetings.ts';
import { decode, encodeBatch, encodeGreeting, type Lane } from '../protocol/messages.ts';
import type { PayloadStore } from '../protocol/payloads.ts';
import type { PeerInstruction } from '../protocol/peer.ts';
import { dialled } from '../transport/addresses.ts';
import { MasterDial } from '../transport/master_dial.ts';
import type { DialSocket, Frames, Transport } from '../transport/transport.ts';
import type { WorkerEvent } from './events.ts';

export interface SocketsOptions {
  readonly transport: Transport;
  readonly addresses: readonly [string, ...string[]];
  readonly store: PayloadStore;
  /** Something happened. */
  readonly tell: (event: WorkerEvent) => void;
  /** Something came that is not ours. */
  readonly rejected: (reason: string) => void;
}

interface Dialled {
  readonly address: string;
  readonly socket: DialSocket;
}

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #kept = new Kept();
  readonly #closing: Promise<void>[] = [];
  #dealer: MasterDial | undefined;
  /** Where parts come by PUSH, and where reports go. */
  #parts: Dialled | undefined;
  #reports: Dialled | undefined;

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  /** Where the master is, or is looked for now. */
  get address(): string {
    return this.#dealer?.address ?? this.#options.addresses[0];
  }

  dial(): void {
    const { transport, addresses, tell, rejected } = this.#options;
    this.#dealer = new MasterDial(transport, addresses, {
      connected: () => tell({ type: 'connected', now: now() }),
      disconnected: () => tell({ type: 'disconnected', now: now() }),
      message: (frames) => this.#message(frames),
      rejected: ({ reason }) => rejected(reason),
    });
  }

  /** Dials the other two where the welcome says. Those that are dialled there already make their connection again by themselves. */
  welcomed(welcome: Welcome): void {
    const { transport, tell, rejected } = this.#options;
    const refuse = ({ reason }: { reason: string }): void => rejected(reason);
    this.#parts = this.#redial(this.#parts, welcome.pushAt, (address) =>
      transport.dialPull(address, {
        connected: () => undefined,
        disconnected: () => tell({ type: 'pullLost', now: now() }),
        message: (frames) => this.#message(frames),
        rejected: refuse,
      }),
    );
    this.#reports = this.#redial(this.#reports, welcome.pullAt, (address) =>
      transport.dialPush(address, {
        connected: () => tell({ type: 'reportsConnected', now: now() }),
        disconnected: () => undefined,
        message: () => undefined,
        rejected: refuse,
      }),
    );
  }

  #redial(old: Dialled | undefined, where: string, dial: (address: string) => DialSocket): Dialled | undefined {
    const address = where === '' ? '' : dialled(this.address, where);
    if (old?.address === address) return old;
    if (old !== undefined) this.#closing.push(old.socket.close(0));
    return address === '' ? undefined : { address, socket: dial(address) };
  }

  carryOut(instruction: PeerInstruction): void {
    switch (instruction.type) {
      case 'greet':
        this.#dealer?.send(encodeGreeting(instruction.hello));
        return;
      case 'send': {
        const { envelope, records, transmit } = instruction;
        const frames = encodeBatch(envelope, records, this.#options.store);
        if (envelope.seq > 0) this.#kept.keep(envelope.lane, envelope.seq, frames);
        if (transmit) this.#socket(envelope.lane)?.send(frames);
        return;
      }
      case 'resend':
        for (const frames of this.#kept.from(instruction.lane, instruction.from)) this.#socket(instruction.lane)?.send(frames);
        return;
      case 'forget':
        this.#kept.forget(instruction.lane, instruction.upTo);
        return;
      case 'forgetAll':
        this.#kept.forgetAll();
        return;
      default:
        instruction satisfies never;
    }
  }

  #socket(lane: Lane): DialSocket | undefined {
    return lane === 'reports' ? this.#reports?.socket : this.#dealer;
  }

  #message(frames: Frames): void {
    const { store, tell, rejected } = this.#options;
    const before = store.bytes;
    const message = decode(frames, store);
    if (message.type === 'batch') tell({ ...message, bytes: store.bytes - before, now: now() });
    else if (message.type === 'welcome') tell({ type: 'welcome', welcome: message, now: now() });
    else if (message.type === 'resync') tell({ type: 'resync', now: now() });
    else if (message.type === 'refused') tell({ type: 'refused', refused: message, now: now() });
    else if (message.type === 'hello') rejected('a master says no hello');
    else tell({ type: 'rejected', reason: message.reason, version: message.version, now: now() });
  }

  async close(lingerMs: number): Promise<void> {
    this.#kept.forgetAll();
    const open = [this.#dealer, this.#parts?.socket, this.#reports?.socket];
    await Promise.all([...this.#closing, ...open.map((socket) => socket?.close(lingerMs))]);
  }
}
