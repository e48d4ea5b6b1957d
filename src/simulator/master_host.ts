/** A master's process. What master/master.ts and peers.ts are in production. */
import type { MasterConfig } from '../master/core.ts';
import type { MasterEvent } from '../master/events.ts';
import type { MasterInstruction } from '../master/instructions.ts';
import { MasterState } from '../master/state.ts';
import { Host } from './host.ts';
import type { Kernel } from './kernel.ts';
import { MasterLaw } from './master_law.ts';
import type { Bound, Link, Network } from './network.ts';
import { KeptParcels, type Letter, pack, SymbolicStore, type Token, unpack } from './payloads.ts';
import { UserCode } from './user_code.ts';
import type { Plans } from './plans.ts';

/** A PUSH socket learns a little later that a peer is out of its rota. */
const SETTLE_MS = 10;
const ERROR_BYTES = 100;

export interface MasterHostOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly plans: Plans;
  readonly address: string;
  readonly config: MasterConfig;
  /** User code takes up to so long. */
  readonly userMs: number;
  readonly slack: number;
  /** Whether its sockets tell of lost peers; else it must listen for their hearts. */
  readonly notices: boolean;
  readonly stopped: () => void;
}

export class MasterHost extends Host implements Bound {
  readonly store: SymbolicStore;
  readonly kept: KeptParcels = new KeptParcels();
  readonly law: MasterLaw;
  readonly machine: MasterState;
  listening = true;
  readonly #options: MasterHostOptions;
  readonly #user: UserCode;
  readonly #links = new Map<number, Link>();
  readonly #cache = new Map<string, Token>();
  /** Links that PUSH sends over, and peers of it that nobody knows. */
  readonly #rota: (Link | undefined)[] = [];
  #queue: MasterEvent[] = [];
  #feeding = false;

  constructor(options: MasterHostOptions) {
    const { kernel, network, plans, address, config, slack } = options;
    super(kernel, config.name);
    this.#options = options;
    this.store = new SymbolicStore((what) => kernel.blame(`${config.name}: ${what}`));
    this.machine = new MasterState(config);
    this.#user = new UserCode(kernel, plans, this.store);
    const { workerGraceMs, clientGraceMs, heartbeatMs, epoch, name } = config;
    this.law = new MasterLaw({ kernel, name, epoch, store: this.store, plans, workerGraceMs, clientGraceMs, heartbeatMs, slack });
    for (const at of [address, config.pushAt, config.pullAt]) network.listen(at, this);
  }

  stop(deadlineMs: number): void {
    this.post(this.own, () => this.#feed({ type: 'stop', deadlineMs, now: this.kernel.nowMs }));
  }

  linked(link: Link): void {
    if (link.plug !== 'parts') return;
    this.#rota.push(link);
    this.#sayPeers();
  }

  severed(link: Link): void {
    const at = this.#rota.indexOf(link);
    if (at < 0) return;
    this.#rota.splice(at, 1);
    this.#sayPeers();
    this.later(SETTLE_MS, () => this.#feed({ type: 'pushLost' }));
  }

  unlinked(link: Link): void {
    if (link.plug === 'dealer' && this.#options.notices) this.#lose(link);
  }

  #lose(link: Link): void {
    if (!this.#links.delete(link.number)) return;
    const connection = link.number;
    link.number = this.#options.network.number();
    this.#feed({ type: 'lost', connection, now: this.kernel.nowMs });
  }

  /** A peer that is none of ours connects for parts, and takes its share until it is known; or it goes. */
  stranger(here: boolean): void {
    const at = this.#rota.indexOf(undefined);
    if (here) this.#rota.push(undefined);
    else if (at >= 0) {
      this.#rota.splice(at, 1);
      this.later(SETTLE_MS, () => this.#feed({ type: 'pushLost' }));
    }
    this.#sayPeers();
  }

  #sayPeers(): void {
    this.post(this.own, () => {
      const strangers = this.#rota.filter((link) => link === undefined).length;
      this.#feed({ type: 'pushPeers', count: this.#rota.length - strangers, strangers });
    });
  }

  received(link: Link, letter: Letter): void {
    const now = this.kernel.nowMs;
    if (link.plug === 'dealer') this.#links.set(link.number, link);
    if (letter.type === 'hello')
      return this.#feed({ type: 'hello', connection: link.number, hello: letter, token: this.kernel.random.id(), now });
    if (letter.type !== 'batch') return this.kernel.blame(`${this.name} was sent a ${letter.type}`);
    const batch = { envelope: letter.envelope, ...unpack(letter, this.store), now };
    this.#feed(link.plug === 'reports' ? { type: 'report', ...batch } : { type: 'batch', connection: link.number, ...batch });
  }

  protected endTurn(): void {
    this.#feed({ type: 'flush', now: this.kernel.nowMs });
  }

  #feed(event: MasterEvent): void {
    if (this.gone) return;
    this.#queue.push(event);
    if (event.type !== 'flush') this.wantsTurn();
    if (this.#feeding) return;
    this.#feeding = true;
    for (let at = 0; at < this.#queue.length; at += 1) this.#step(this.#queue[at] as MasterEvent);
    this.#queue = [];
    this.#feeding = false;
  }

  #step(event: MasterEvent): void {
    const instructions = this.machine.handle(event);
    this.law.told(event, instructions);
    this.kernel.log.add(this.kernel.nowMs, this.name, event, instructions);
    this.law.answers(instructions);
    for (const instruction of instructions) {
      this.law.said(instruction);
      if (event.type === 'hello') this.law.answered(event, instruction);
      this.#carryOut(instruction);
    }
  }

  #carryOut(instruction: MasterInstruction): void {
    switch (instruction.type) {
      case 'post':
        return this.#links.get(instruction.connection)?.sendDown(instruction.greeting);
      case 'send':
        return this.#send(instruction);
      case 'resend':
        for (const parcel of this.kept.from(String(instruction.session), instruction.from))
          this.#links.get(instruction.connection)?.sendDown(parcel);
        return;
      case 'forget':
        return this.kept.forget(String(instruction.session), instruction.upTo);
      case 'drop':
        return this.kept.drop(String(instruction.session));
      case 'push':
        return this.#push(pack(instruction.envelope, instruction.records, this.store));
      case 'keep':
        return this.store.putOwn(instruction.slot, errorToken(instruction.error.code));
      case 'release':
        for (const slot of instruction.slots) this.store.release(slot);
        return;
      case 'scatter':
        return this.#userCode(this.#user.scatter(instruction));
      case 'stopScatter':
        return this.#user.stopScatter(instruction);
      case 'gather':
        return this.#userCode(this.#user.gather(instruction));
      case 'call':
        return this.#call(instruction);
      case 'wakeAt':
        return this.wakeAt(instruction.atMs, () => this.#feed({ type: 'wake', now: this.kernel.nowMs }));
      case 'stopped':
        return this.#close();
      case 'hangUp':
      case 'instance':
      case 'news':
      case 'log':
      case 'reject':
        return;
      default:
        return instruction satisfies never;
    }
  }

  #userCode(event: MasterEvent): void {
    const { userMs } = this.#options;
    this.later(userMs === 0 ? 0 : this.kernel.random.between(0, userMs), () => this.#feed(event));
  }

  #send({ session, connection, envelope, records }: Extract<MasterInstruction, { type: 'send' }>): void {
    const parcel = pack(envelope, records, this.store);
    if (envelope.seq > 0) this.kept.keep(String(session), parcel);
    if (connection >= 0) this.#links.get(connection)?.sendDown(parcel);
  }

  /** ZeroMQ sends to each peer in turn; what goes to one that is gone, or to a stranger, is lost. */
  #push(letter: Letter): void {
    if (this.#rota.length === 0) return;
    const link = this.#rota.shift();
    this.#rota.push(link);
    link?.sendDown(letter);
  }

  #call({ session, id, operation, key, slot }: Extract<MasterInstruction, { type: 'call' }>): void {
    const reply = { type: 'replied', session, id, outcome: 'done', text: '', slot: -1, length: 0 } as const;
    const found = this.#cache.get(key);
    if (operation === 'set') {
      this.#cache.set(key, this.store.get(slot));
      this.store.release(slot);
      this.#queue.push({ ...reply, text: key });
    } else if (operation === 'get' && found !== undefined)
      this.#queue.push({ ...reply, slot: this.store.put(found), length: found.length });
    else this.#queue.push({ ...reply, outcome: operation === 'delete' && this.#cache.delete(key) ? 'done' : 'none' });
  }

  /** It has stopped in order: what it has said is sent, and its sockets close. */
  #close(): void {
    const { random } = this.kernel;
    for (const link of this.#options.network.linksOf(this)) {
      link.break({ diallerMs: random.between(0, 5), boundMs: 0, upward: 0, downward: 1, unread: random.next() });
    }
    this.listening = false;
    this.vanish();
    this.#options.stopped();
  }
}

function errorToken(code: string): Token {
  return { what: 'error', stream: '', job: 0, part: 0, index: 0, epoch: '', length: ERROR_BYTES, code };
}
