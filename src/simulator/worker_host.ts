/** A worker's process. What worker/connection.ts and sockets.ts are in production. */
import type { WireRecord } from '../protocol/messages.ts';
import type { Welcome } from '../protocol/greetings.ts';
import type { ConsumerEvent } from '../streams/events.ts';
import type { WorkerEvent } from '../worker/events.ts';
import type { RunInstruction, WorkerInstruction } from '../worker/instructions.ts';
import { WorkerState } from '../worker/state.ts';
import { CacheCalls } from './cache_calls.ts';
import { consume } from './consuming.ts';
import { Custody } from './custody.ts';
import type { Executions } from './executions.ts';
import { Executor } from './executor.ts';
import { MasterDialler } from './failover.ts';
import { Host } from './host.ts';
import type { Kernel } from './kernel.ts';
import { Dialler, type Dialling, type Network, type Plug } from './network.ts';
import { KeptParcels, type Letter, pack, SymbolicStore, unpack } from './payloads.ts';
import type { Reader, ReaderPort } from './reader.ts';
import type { Task, Waiting } from './tasks.ts';
import type { Plans } from './plans.ts';
import type { OfferedResources } from './tenancy.ts';

/** User code that keeps the loop for so long may cost the worker what it has not begun. */
const BLOCKED_MS = 20;
/** The key that functions ask the cache for: the first of the first client. */
const SHARED_KEY = 'c0:0';

export interface WorkerHostOptions {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly plans: Plans;
  readonly executions: Executions;
  readonly name: string;
  /** Of the masters. */
  readonly addresses: readonly string[];
  readonly functions: readonly string[];
  readonly slots: number;
  readonly maxParked: number;
  readonly resources: OfferedResources | undefined;
  /** Makes a stream for a function that calls another. */
  readonly nested: (host: WorkerHost, task: Task, number: number, over: (well: boolean) => void) => Reader;
  /** It has ended in order, or its function kills it. */
  readonly stopped: (host: WorkerHost) => void;
  readonly killed: (host: WorkerHost, by: Task) => void;
}

export class WorkerHost extends Host implements Dialling, ReaderPort {
  readonly store: SymbolicStore;
  readonly kept: KeptParcels = new KeptParcels();
  readonly readers: Map<number, Reader> = new Map();
  readonly executor: Executor;
  readonly slots: number;
  readonly #options: WorkerHostOptions;
  readonly #machine: WorkerState;
  readonly #dealer: MasterDialler;
  readonly #calls: CacheCalls;
  #parts: Dialler | undefined;
  #reports: Dialler | undefined;
  #queue: WorkerEvent[] = [];
  #feeding = false;
  #gathers: (() => void)[] = [];
  #lastStream = 0;
  /** Keys that nobody wants any more: they must not begin, unless they come again. */
  readonly #unwanted = new Set<number>();
  readonly #custody = new Custody();
  /** A run that blocked the loop is told of when it is over. */
  #toCollect = false;
  #flushAgain = false;

  constructor(options: WorkerHostOptions) {
    const { kernel, network, plans, name, addresses, functions, slots, maxParked, resources } = options;
    super(kernel, name);
    this.#options = options;
    this.slots = slots;
    this.store = new SymbolicStore((what) => kernel.blame(`${name}: ${what}`));
    this.#machine = new WorkerState({ name, functions, slots, maxParked, resources });
    this.executor = new Executor({
      kernel,
      store: this.store,
      plans,
      slots,
      resources,
      name,
      later: (ms, act) => this.later(ms, act),
      begins: (task) => this.#begins(task),
      calls: (task, over) => this.#nested(task, over),
      // The function goes on when the loop comes to it.
      asks: (_, over) => this.#calls.get(SHARED_KEY, () => this.post(this.own, over)),
      kills: (ms, task) => this.later(ms, () => options.killed(this, task)),
    });
    this.#dealer = new MasterDialler(network, this, addresses);
    this.#calls = new CacheCalls(this);
    this.#tell({ type: 'start', now: kernel.nowMs });
  }

  stop(deadlineMs: number): void {
    const { kernel } = this;
    this.post(this.own, () => this.#tell({ type: 'stop', deadlineAtMs: kernel.nowMs + deadlineMs, now: kernel.nowMs }));
  }

  feed(event: ConsumerEvent): void {
    this.#feed(event);
    this.wantsTurn();
  }

  atFlush(gather: () => void): void {
    this.#gathers.push(gather);
    this.wantsTurn();
  }

  connected(plug: Plug): void {
    if (plug === 'dealer') this.#tell({ type: 'connected', now: this.kernel.nowMs });
    else if (plug === 'reports') this.#tell({ type: 'reportsConnected', now: this.kernel.nowMs });
  }

  disconnected(plug: Plug): void {
    if (plug === 'dealer') this.#tell({ type: 'disconnected', now: this.kernel.nowMs });
    else if (plug === 'parts') this.#tell({ type: 'pullLost', now: this.kernel.nowMs });
  }

  received(_: Plug, letter: Letter): void {
    const now = this.kernel.nowMs;
    if (letter.type === 'batch') {
      const { records, bytes } = unpack(letter, this.store);
      const taken = this.#custody.takes(letter.envelope);
      this.#tell({ type: 'batch', envelope: letter.envelope, records, bytes, now });
      if (taken) for (const record of records) this.#heard(record);
    } else if (letter.type === 'welcome') this.#tell({ type: 'welcome', welcome: letter, now });
    else if (letter.type === 'resync') this.#tell({ type: 'resync', now });
    else if (letter.type === 'refused') this.#tell({ type: 'refused', refused: letter, now });
    else this.kernel.blame(`${this.name} was sent a ${letter.type}`);
  }

  #heard(record: WireRecord): void {
    if (record.kind === 'abort') for (const key of record.keys) this.#unwanted.add(key);
    if (record.kind !== 'parts') return;
    record.keys.forEach((key, i) => {
      this.#unwanted.delete(key);
      this.#options.executions.arrived(record.id, record.jobs[i] as number, record.parts[i] as number, this.name);
    });
  }

  #begins(task: Task): void {
    const { executions } = this.#options;
    if (this.#unwanted.has(task.key))
      this.kernel.blame(`${this.name} begins part ${task.id}/${task.job}/${task.part}, which it was told to drop`);
    executions.begun(task, this.name);
  }

  #nested(task: Task, over: (well: boolean) => void): Waiting {
    this.#lastStream += 1;
    const number = this.#lastStream;
    const reader = this.#options.nested(this, task, number, over);
    this.readers.set(number, reader);
    reader.begin();
    return { stop: () => reader.stop('left') };
  }

  protected override goOn(): void {
    if (!this.#toCollect) return;
    this.#toCollect = false;
    this.#collect();
    this.#feed({ type: 'flush', now: this.kernel.nowMs });
  }

  protected override gather(): void {
    const gathers = this.#gathers;
    this.#gathers = [];
    for (const gather of gathers) gather();
  }

  protected endTurn(): void {
    this.#collect();
    this.#feed({ type: 'flush', now: this.kernel.nowMs });
    if (this.gone) return;
    this.#flushAgain = false;
    this.#feed({ type: 'turn', now: this.kernel.nowMs });
    if (this.#toCollect) this.wantsTurn();
    else if (this.#flushAgain) this.#feed({ type: 'flush', now: this.kernel.nowMs });
  }

  #collect(): void {
    const ran = this.executor.collect();
    if (ran !== undefined) this.#feed(ran);
  }

  /** Something came from outside: what the functions did is told before it. */
  #tell(event: WorkerEvent): void {
    this.#collect();
    this.#feed(event);
    this.wantsTurn();
  }

  #feed(event: WorkerEvent): void {
    if (this.gone) return;
    this.#queue.push(event);
    if (this.#feeding) return;
    this.#feeding = true;
    for (let at = 0; at < this.#queue.length; at += 1) this.#step(this.#queue[at] as WorkerEvent);
    this.#queue = [];
    this.#feeding = false;
  }

  #step(event: WorkerEvent): void {
    const instructions = this.#machine.handle(event);
    this.kernel.log.add(this.kernel.nowMs, this.name, event, instructions);
    if (event.type === 'disconnected') this.#custody.lost();
    for (const instruction of instructions) this.#carryOut(instruction);
  }

  #run(instruction: RunInstruction): void {
    const spentMs = this.executor.run(instruction);
    this.#flushAgain = true;
    this.wantsTurn();
    if (spentMs > 0) {
      if (spentMs >= BLOCKED_MS) this.#options.executions.fault(this.name, spentMs);
      this.block(spentMs);
      this.#toCollect = true;
      return;
    }
    // A turn that microtasks may let go on is told of later.
    if (this.kernel.chaotic && this.kernel.random.chance(0.3)) return;
    const ran = this.executor.collect();
    if (ran !== undefined) this.#queue.push(ran);
  }

  #welcomed(welcome: Welcome, anew: boolean): void {
    const { network } = this.#options;
    this.executor.epoch = welcome.epoch;
    if (anew) this.#unwanted.clear();
    this.#custody.welcomed(welcome, anew);
    this.#parts = this.#redial(this.#parts, network, 'parts', welcome.pushAt);
    this.#reports = this.#redial(this.#reports, network, 'reports', welcome.pullAt);
  }

  #redial(old: Dialler | undefined, network: Network, plug: Plug, address: string): Dialler | undefined {
    if (old?.address === address) return old;
    old?.close();
    return address === '' ? undefined : new Dialler(network, this, plug, address);
  }

  #socket(lane: string): Dialler | MasterDialler | undefined {
    return lane === 'reports' ? this.#reports : this.#dealer;
  }

  #carryOut(instruction: WorkerInstruction): void {
    switch (instruction.type) {
      case 'greet':
        return this.#dealer.send(instruction.hello);
      case 'send': {
        const parcel = pack(instruction.envelope, instruction.records, this.store);
        const { lane, seq } = parcel.envelope;
        if (seq > 0) this.kept.keep(lane, parcel);
        if (instruction.transmit) this.#socket(lane)?.send(parcel);
        return;
      }
      case 'resend':
        for (const parcel of this.kept.from(instruction.lane, instruction.from)) this.#socket(instruction.lane)?.send(parcel);
        return;
      case 'forget':
        return this.kept.forget(instruction.lane, instruction.upTo);
      case 'forgetAll':
        return this.kept.forgetAll();
      case 'run':
        return this.#run(instruction);
      case 'abort':
        this.executor.abort(instruction.locals);
        return this.wantsTurn();
      case 'grant':
        this.executor.grant(instruction.locals, instruction.results, instruction.bytes);
        return this.wantsTurn();
      case 'welcomed':
        return this.#welcomed(instruction.welcome, instruction.how !== 'resumed');
      case 'wakeAt':
        return this.wakeAt(instruction.atMs, () => this.#tell({ type: 'wake', now: this.kernel.nowMs }));
      case 'stopped':
        return this.#close();
      case 'refused':
      case 'reject':
        return this.kernel.blame(`${this.name}: ${JSON.stringify(instruction)}`);
      case 'lost':
      case 'waiting':
        return;
      default:
        this.#queue.push(...consume(instruction, this.readers, this.store, this.#calls));
    }
  }

  #close(): void {
    for (const reader of this.readers.values()) reader.stop('gone');
    for (const dialler of [this.#dealer, this.#parts, this.#reports]) dialler?.close();
    this.vanish();
    this.#options.stopped(this);
  }
}
