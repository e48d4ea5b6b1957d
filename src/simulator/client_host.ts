/** A client's process. What client/connection.ts is in production. */
import type { ClientEvent, ClientInstruction } from '../client/events.ts';
import { ClientState } from '../client/state.ts';
import { CacheCalls, CacheUser } from './cache_calls.ts';
import { consume } from './consuming.ts';
import { MasterDialler } from './failover.ts';
import { Host } from './host.ts';
import type { Kernel } from './kernel.ts';
import type { Dialling, Network, Plug } from './network.ts';
import { KeptParcels, type Letter, pack, SymbolicStore, unpack } from './payloads.ts';
import type { Reader, ReaderPort } from './reader.ts';
import type { CacheSpec } from './workload.ts';

export interface ClientHostOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly name: string;
  /** Of the masters. */
  readonly addresses: readonly string[];
  /** What its user does with the cache. */
  readonly cache: CacheSpec | undefined;
}

export class ClientHost extends Host implements Dialling, ReaderPort {
  readonly store: SymbolicStore;
  readonly kept: KeptParcels = new KeptParcels();
  readonly readers: Map<number, Reader> = new Map();
  readonly #machine: ClientState;
  readonly #dealer: MasterDialler;
  readonly #calls: CacheCalls;
  readonly #cacheUser: CacheUser | undefined;
  /** Masters that it has come to, or come to again. */
  #masters = 0;
  #queue: ClientEvent[] = [];
  #feeding = false;
  #gathers: (() => void)[] = [];
  #lastStream = 0;
  #closing = false;

  constructor({ kernel, network, name, addresses, cache }: ClientHostOptions) {
    super(kernel, name);
    this.store = new SymbolicStore((what) => kernel.blame(`${name}: ${what}`));
    this.#machine = new ClientState({ name, connectTimeoutMs: Infinity });
    this.#dealer = new MasterDialler(network, this, addresses);
    this.#calls = new CacheCalls(this);
    this.feed({ type: 'start', now: kernel.nowMs });
    this.#cacheUser = cache === undefined ? undefined : new CacheUser(this.#calls, this, cache, () => this.#masters);
    this.post(this.own, () => this.#cacheUser?.begin());
  }

  /** Whether all calls of its user are answered. */
  get isDone(): boolean {
    return this.gone || this.#cacheUser?.isDone !== false;
  }

  /** A number for a new stream. */
  nextStream(): number {
    this.#lastStream += 1;
    return this.#lastStream;
  }

  open(reader: Reader): void {
    this.post(this.own, () => {
      this.readers.set(reader.options.number, reader);
      reader.begin();
    });
  }

  /** The user closes the client. */
  close(): void {
    this.post(this.own, () => {
      this.#closing = true;
      for (const reader of this.readers.values()) reader.stop('gone');
      this.feed({ type: 'close', now: this.kernel.nowMs });
    });
  }

  feed(event: ClientEvent): void {
    this.#queue.push(event);
    if (event.type !== 'flush') this.wantsTurn();
    if (this.#feeding) return;
    this.#feeding = true;
    for (let at = 0; at < this.#queue.length; at += 1) this.#step(this.#queue[at] as ClientEvent);
    this.#queue = [];
    this.#feeding = false;
  }

  #step(event: ClientEvent): void {
    const instructions = this.#machine.handle(event);
    this.kernel.log.add(this.kernel.nowMs, this.name, event, instructions);
    for (const instruction of instructions) this.#carryOut(instruction);
  }

  atFlush(gather: () => void): void {
    this.#gathers.push(gather);
    this.wantsTurn();
  }

  connected(): void {
    this.feed({ type: 'connected', now: this.kernel.nowMs });
  }

  disconnected(): void {
    this.feed({ type: 'disconnected', now: this.kernel.nowMs });
  }

  received(_: Plug, letter: Letter): void {
    const now = this.kernel.nowMs;
    if (letter.type === 'batch') this.feed({ type: 'batch', envelope: letter.envelope, ...unpack(letter, this.store), now });
    else if (letter.type === 'welcome') this.feed({ type: 'welcome', welcome: letter, now });
    else if (letter.type === 'resync') this.feed({ type: 'resync', now });
    else if (letter.type === 'refused') this.feed({ type: 'refused', refused: letter, now });
    else this.kernel.blame(`${this.name} was sent a ${letter.type}`);
  }

  protected override gather(): void {
    const gathers = this.#gathers;
    this.#gathers = [];
    for (const gather of gathers) gather();
  }

  protected endTurn(): void {
    this.feed({ type: 'flush', now: this.kernel.nowMs });
  }

  #carryOut(instruction: ClientInstruction): void {
    switch (instruction.type) {
      case 'greet':
        return this.#dealer.send(instruction.hello);
      case 'send': {
        const parcel = pack(instruction.envelope, instruction.records, this.store);
        if (parcel.envelope.seq > 0) this.kept.keep(parcel.envelope.lane, parcel);
        if (instruction.transmit) this.#dealer.send(parcel);
        return;
      }
      case 'resend':
        for (const parcel of this.kept.from(instruction.lane, instruction.from)) this.#dealer.send(parcel);
        return;
      case 'forget':
        return this.kept.forget(instruction.lane, instruction.upTo);
      case 'forgetAll':
        return this.kept.forgetAll();
      case 'wakeAt':
        return this.wakeAt(instruction.atMs, () => this.feed({ type: 'wake', now: this.kernel.nowMs }));
      case 'notice':
        return;
      case 'givenUp':
        return this.kernel.blame(`${this.name}: ${instruction.text}`);
      case 'reject':
      case 'gaveUp':
        return this.kernel.blame(`${this.name}: ${JSON.stringify(instruction)}`);
      case 'closed':
        this.#dealer.close();
        if (this.#closing && this.store.count > 0) this.kernel.blame(`${this.name} closed and left ${this.store.count} payloads`);
        return this.vanish();
      case 'welcomed':
        if (instruction.how !== 'resumed') this.#masters += 1;
        return;
      case 'lost':
      case 'waiting':
        return;
      default:
        this.#queue.push(...consume(instruction, this.readers, this.store, this.#calls));
    }
  }
}
