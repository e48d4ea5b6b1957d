/** The sockets of a worker (three that dial, or one that listens), what it keeps until the master has acknowledged it, and how messages become events. */
import { now } from '../common/clock.ts';
import { Kept } from '../protocol/kept.ts';
import type { Welcome } from '../protocol/greetings.ts';
import { encodeLeft, helloOf, type Lost } from '../protocol/lost_bytes.ts';
import { decode, encodeGreeting, type Lane } from '../protocol/messages.ts';
import type { PayloadStore } from '../protocol/payloads.ts';
import type { PeerInstruction } from '../protocol/peer.ts';
import { dialled } from '../transport/addresses.ts';
import { MasterDial } from '../transport/master_dial.ts';
import type { DialHandlers, DialSocket, Frames, Transport } from '../transport/transport.ts';
import type { WorkerEvent } from './events.ts';
import { Listening } from './listening.ts';

/** Where a worker meets its master: where it dials, or where it listens. */
export type Meeting = { readonly dial: readonly [string, ...string[]] } | { readonly listen: string };

export interface SocketsOptions {
  readonly transport: Transport;
  readonly name: string;
  readonly meeting: Meeting;
  readonly store: PayloadStore;
  /** Told of what cannot be sent any more. */
  readonly lost: Lost;
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
  /** What goes to the master and comes from it; where the worker listens, reports too. */
  #main: MasterDial | Listening | undefined;
  /** Where parts come by PUSH, and where reports go. */
  #parts: Dialled | undefined;
  #reports: Dialled | undefined;

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  /** Where the master is, or is looked for now. */
  get address(): string {
    const { meeting } = this.#options;
    return this.#main?.address ?? ('dial' in meeting ? meeting.dial[0] : meeting.listen);
  }

  /** Dials; or listens, and resolves when it does. */
  async open(): Promise<void> {
    const { transport, name, meeting, tell, rejected } = this.#options;
    const handlers: DialHandlers = {
      connected: () => tell({ type: 'connected', now: now() }),
      disconnected: () => tell({ type: 'disconnected', now: now() }),
      message: (frames) => this.#message(frames),
      rejected: ({ reason }) => rejected(reason),
    };
    if ('dial' in meeting) {
      this.#main = new MasterDial(transport, meeting.dial, handlers);
      return;
    }
    const listening = new Listening({ transport, name, address: meeting.listen }, handlers);
    this.#main = listening;
    await listening.bind();
  }

  /** Dials the other two where the welcome says. Those that are dialled there already make their connection again by themselves. */
  welcomed(welcome: Welcome): void {
    if (this.#main instanceof Listening) return;
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
        this.#main?.send(encodeGreeting(helloOf(instruction.hello, this.#kept)));
        return;
      case 'send': {
        const { envelope, records, transmit } = instruction;
        const frames = encodeLeft(envelope, records, this.#options.store, this.#options.lost);
        if (envelope.seq > 0) this.#kept.keep(envelope.lane, envelope.seq, frames);
        if (transmit) this.#socket(envelope.lane)?.send(frames);
        return;
      }
      case 'resend': {
        const kept = this.#kept.again(instruction.lane, instruction.from);
        if (kept === undefined) return this.#options.tell({ type: 'resync', now: now() });
        for (const frames of kept) this.#socket(instruction.lane)?.send(frames);
        return;
      }
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
    return lane === 'reports' && !(this.#main instanceof Listening) ? this.#reports?.socket : this.#main;
  }

  #message(frames: Frames): void {
    const { store, tell, rejected } = this.#options;
    const main = this.#main;
    const before = store.bytes;
    const message = decode(frames, store);
    if (message.type === 'batch') {
      const { envelope, records } = message;
      tell({ type: 'batch', envelope, records, bytes: store.bytes - before, now: now() });
    } else if (message.type === 'welcome') tell({ type: 'welcome', welcome: message, now: now() });
    else if (message.type === 'resync') tell({ type: 'resync', now: now() });
    else if (main instanceof Listening && (message.type === 'refused' || message.type === 'rejected')) {
      // A worker that dials has come to the wrong place; one that listens waits for another master.
      rejected(message.type === 'refused' ? message.text : message.reason);
      if (message.type === 'refused') main.decline();
    } else if (message.type === 'refused') tell({ type: 'refused', refused: message, now: now() });
    else if (message.type === 'hello') rejected('a master says no hello');
    else tell({ type: 'rejected', reason: message.reason, version: message.version, now: now() });
  }

  async close(lingerMs: number): Promise<void> {
    this.#kept.forgetAll();
    const open = [this.#main, this.#parts?.socket, this.#reports?.socket];
    await Promise.all([...this.#closing, ...open.map((socket) => socket?.close(lingerMs))]);
  }
}
