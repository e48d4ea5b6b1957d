/** A master, workers and clients on one network: who is there, who comes, and who goes. */
import type { MasterConfig } from '../master/core.ts';
import type { PolicyChoice } from '../scheduling/policy.ts';
import { ClientHost } from './client_host.ts';
import { Executions } from './executions.ts';
import { Expectations } from './expectations.ts';
import { Kernel, type KernelOptions } from './kernel.ts';
import { MasterHost } from './master_host.ts';
import { Network } from './network.ts';
import { type Outcome, Reader } from './reader.ts';
import type { Task } from './tasks.ts';
import type { OfferedResources } from './tenancy.ts';
import { Witness } from './witness.ts';
import { WorkerHost } from './worker_host.ts';
import { type KnownStream, Plans } from './plans.ts';
import { STREAM, type StreamSpec, type Workload } from './workload.ts';

const MASTERS = ['master', 'standby'] as const;

export interface WorkerSpec {
  readonly slots: number;
  /** Default: all functions of the workload. */
  readonly functions?: readonly string[] | undefined;
  readonly maxParked?: number | undefined;
  /** What it offers, with the policy `grain()`. */
  readonly resources?: OfferedResources | undefined;
}

export interface WorldOptions extends KernelOptions {
  readonly workers: readonly WorkerSpec[];
  readonly clients: number;
  /** Masters that clients and workers know: they use the first that answers. */
  readonly masters: 1 | 2;
  /** Whether sockets tell of lost peers; else the master listens for their hearts. */
  readonly notices: boolean;
  /** Nothing goes wrong. */
  readonly calm: boolean;
  readonly workload: Workload;
  readonly policy: PolicyChoice;
  /** Changes of the master's configuration. */
  readonly config: Partial<MasterConfig>;
}

/** A stream of a client. */
export interface Opened {
  readonly known: KnownStream;
  readonly reader: Reader;
  readonly witness: Witness;
  outcome: Outcome | undefined;
}

const CONFIG = {
  maxMessageBytes: 67_108_864,
  maxJobResultBytes: 67_108_864,
  bufferBytes: 268_435_456,
  heartbeatMs: 0,
  workerGraceMs: 1_000,
  clientGraceMs: 30_000,
  crashLimit: 3,
} as const;

export class World {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly plans: Plans;
  readonly executions: Executions;
  readonly options: WorldOptions;
  readonly clients: ClientHost[] = [];
  readonly opened: Opened[] = [];
  /** The process in each worker's place, and how many there have been. */
  readonly workers: (WorkerHost | undefined)[] = [];
  readonly specs: WorkerSpec[];
  readonly pastHosts: WorkerHost[] = [];
  readonly pastMasters: MasterHost[] = [];
  /** The process in each master's place. */
  readonly masters: (MasterHost | undefined)[] = [];
  /** The faults are over, and nobody who goes is replaced. */
  closing = false;
  readonly #pushes: boolean;
  readonly #addresses: readonly string[];
  readonly #expectations: Expectations;
  #lives: number[] = [];
  #epochs = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.kernel = new Kernel(options);
    this.network = new Network(this.kernel);
    this.plans = new Plans(options.seed, options.workload);
    this.#pushes = options.policy.create().distribution === 'push';
    this.executions = new Executions(this.kernel, this.plans, this.#pushes);
    this.specs = [...options.workers];
    this.#addresses = MASTERS.slice(0, options.masters);
    this.#expectations = this.#expects();
    for (let i = 0; i < options.masters; i += 1) this.startMaster(i);
    for (let i = 0; i < this.specs.length; i += 1) this.startWorker(i);
    const where = { kernel: this.kernel, network: this.network, addresses: this.#addresses, cache: options.workload.cache };
    for (let i = 0; i < options.clients; i += 1) {
      this.clients.push(new ClientHost({ ...where, name: `c${i}` }));
    }
    for (const spec of options.workload.streams) this.kernel.at(spec.startMs, () => this.#open(spec));
  }

  /** Streams that have not ended for their users. */
  get openStreams(): Opened[] {
    return this.opened.filter(({ outcome }) => outcome === undefined);
  }

  /** Whether all that users want of this world has been done. */
  get isDone(): boolean {
    const { opened, clients, options } = this;
    return opened.length === options.workload.streams.length && this.openStreams.length === 0 && clients.every((client) => client.isDone);
  }

  #open(spec: StreamSpec): void {
    const client = this.clients[spec.client % this.clients.length] as ClientHost;
    const number = client.nextStream();
    const id = `${client.name}/${number}`;
    const known: KnownStream = { id, spec, consumer: client.name, nested: false, origin: id };
    const opened = this.#reader(client, known, number, 0, (outcome) => this.#over(opened, outcome));
    this.opened.push(opened);
    if (client.gone) opened.outcome = 'gone';
    else client.open(opened.reader);
  }

  #reader(host: ClientHost | WorkerHost, known: KnownStream, number: number, parent: number, over: (outcome: Outcome) => void): Opened {
    const { plans, kernel } = this;
    plans.open(known);
    const witness = new Witness({ plans, stream: known, store: host.store, blame: kernel.blame, expectations: this.#expectations });
    const ended = (of: number, outcome: Outcome): void => {
      host.readers.delete(of);
      over(outcome);
    };
    const reader = new Reader({ port: host, number, stream: known, parent, plans, witness, over: ended });
    return { known, reader, witness, outcome: undefined };
  }

  #over(opened: Opened, outcome: Outcome): void {
    const { known, reader, witness } = opened;
    opened.outcome = outcome;
    this.kernel.remark(`stream ${known.id}: ${outcome}`);
    if (outcome !== 'ended' || known.spec.messages > 0) return;
    if (reader.given !== known.spec.jobs) this.kernel.blame(`stream ${known.id} ended after ${reader.given} of ${known.spec.jobs} jobs`);
    if (witness.ended !== reader.given)
      this.kernel.blame(`stream ${known.id} ended, but only ${witness.ended} of its ${reader.given} jobs did`);
  }

  #expects(): Expectations {
    const { calm, workers, config } = this.options;
    const { crashLimit = CONFIG.crashLimit } = config;
    const masters = (): (MasterHost | undefined)[] => [...this.masters, ...this.pastMasters];
    return new Expectations(this.plans, {
      calm,
      differing: workers.some(({ functions }) => functions !== undefined),
      hasLostMany: () => masters().some((master) => (master?.law.lostWorkers ?? 0) >= crashLimit),
      hasRestarted: () => masters().length > 1,
    });
  }

  startMaster(at: number): void {
    const { policy, workload, config, notices } = this.options;
    const address = this.#addresses[at] as string;
    this.#epochs += 1;
    const { random } = this.kernel;
    const epoch = random.id();
    // A master that comes again may find its ports free or not.
    const ports = (at === 0 ? '' : `@${address}`) + (random.chance(0.5) ? '' : String(this.#epochs));
    this.masters[at] = new MasterHost({
      kernel: this.kernel,
      network: this.network,
      plans: this.plans,
      address,
      notices,
      userMs: this.options.chaotic ? 3 : 0,
      // With gather, jobs are delivered whole; and what an attempt that was given up sends late has no credit any more.
      slack: workload.gather === undefined ? (this.options.chaotic ? 8 : 0) : 64,
      config: {
        name: address,
        epoch,
        policy,
        scatter: workload.scatter !== undefined,
        gather: workload.gather !== undefined,
        pushAt: `push${ports}`,
        pullAt: `pull${ports}`,
        ...CONFIG,
        ...config,
      },
      stopped: () => this.kernel.remark(at === 0 ? 'the master has stopped' : `the ${address} has stopped`),
    });
  }

  startWorker(at: number): void {
    const { slots, functions = Object.keys(this.plans.workload.functions), maxParked = 64, resources } = this.specs[at] as WorkerSpec;
    const about = { slots, functions, maxParked, resources };
    const life = (this.#lives[at] = (this.#lives[at] ?? 0) + 1);
    const host = new WorkerHost({
      kernel: this.kernel,
      network: this.network,
      plans: this.plans,
      executions: this.executions,
      name: `w${at}.${life}`,
      addresses: this.#addresses,
      ...about,
      nested: (worker, task, number, over) => this.#nested(worker, task, number, over),
      stopped: (worker) => this.kernel.remark(`${worker.name} has stopped`),
      killed: (worker, task) => {
        if (worker.gone) return;
        this.kernel.remark(`${worker.name} is killed by its function`);
        this.executions.killed(task, this.options.config.crashLimit ?? CONFIG.crashLimit);
        this.#kill(worker);
        if (this.workers[at] === worker) this.#replace(at, this.kernel.random.between(1, 200));
      },
    });
    this.pastHosts.push((this.workers[at] = host));
  }

  #nested(worker: WorkerHost, task: Task, number: number, over: (well: boolean) => void): Reader {
    const { spec } = task.plan;
    const calls: StreamSpec = { ...STREAM, functions: [spec.calls as string], jobs: spec.callJobs ?? 1, settle: false };
    const origin = `${this.plans.origin(task.id)}/${task.job}/${task.part}`;
    const known: KnownStream = { id: `${worker.name}/${number}`, spec: calls, consumer: worker.name, nested: true, origin };
    const opened: Opened = this.#reader(worker, known, number, task.key, (outcome) => {
      opened.outcome = outcome;
      if (outcome !== 'gone') over(outcome === 'ended');
    });
    return opened.reader;
  }

  /** kill -9, and after a while another in its place. */
  killWorker(at: number, silent: boolean, downMs: number): void {
    const host = this.workers[at];
    if (host === undefined || host.gone) return;
    this.#kill(host, silent);
    this.#replace(at, downMs);
  }

  #kill(host: WorkerHost | ClientHost, silent = false): void {
    this.executions.fault(host.name);
    host.vanish();
    this.network.killed(host, silent);
  }

  stopWorker(at: number, deadlineMs: number, downMs: number): void {
    const host = this.workers[at];
    if (host === undefined || host.gone) return;
    // Whoever leaves in time leaves nothing behind; but with PUSH, nobody knows what was on its way.
    if (this.#pushes) this.executions.fault(host.name, deadlineMs);
    else this.kernel.after(deadlineMs - 0.001, () => host.gone || this.executions.fault(host.name, 1));
    host.stop(deadlineMs);
    this.#replace(at, downMs);
  }

  #replace(at: number, downMs: number): void {
    this.workers[at] = undefined;
    this.kernel.after(downMs, () => {
      if (!this.closing) this.startWorker(at);
    });
  }

  /** `downMs` Infinity: it does not come again. */
  killMaster(at: number, silent: boolean, downMs: number): void {
    const master = this.masters[at];
    if (master === undefined || master.gone) return;
    this.executions.fault('master', downMs === Infinity ? 0 : downMs);
    master.vanish();
    this.network.killed(master, silent);
    this.#replaceMaster(at, downMs);
  }

  stopMaster(at: number, deadlineMs: number, downMs: number): void {
    const master = this.masters[at];
    if (master === undefined || master.gone) return;
    this.executions.fault('master', deadlineMs + downMs);
    master.stop(deadlineMs);
    const wait = (): void => {
      if (this.masters[at] !== master) return;
      if (master.gone) this.#replaceMaster(at, downMs);
      else this.kernel.after(10, wait);
    };
    wait();
  }

  #replaceMaster(at: number, downMs: number): void {
    const master = this.masters[at];
    if (master !== undefined) this.pastMasters.push(master);
    this.masters[at] = undefined;
    if (downMs < Infinity) this.kernel.after(downMs, () => this.startMaster(at));
  }

  /** A client is killed: whatever it had open is nobody's concern. */
  killClient(at: number, silent: boolean): void {
    const client = this.clients[at];
    if (client === undefined || client.gone) return;
    for (const opened of this.opened) if (opened.known.consumer === client.name) opened.outcome ??= 'gone';
    this.#kill(client, silent);
  }
}
