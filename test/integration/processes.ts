/** Real processes for tests: each ends with its test, whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { freeAddress } from './ports.ts';

export const ROOT: string = join(import.meta.dirname, '../..');

/** What no process of ours may ever print. */
const BUGS = /a bug in gristmill|UnhandledPromiseRejection|Uncaught|Assertion failed|MaxListenersExceeded/;
/** A test that has started nothing for so long is stuck: then its processes are asked what they do, and what they said is shown. */
const STUCK_MS = 20_000;
const ANSWER_MS = 500;
const MASTERS = { plain: 'master.mjs', scattering: 'scattering_master.mjs' } as const;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One process: what it prints, and how it ends. */
export class Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Exit>;
  out = '';
  err = '';
  #over = false;
  readonly #listeners = new Set<() => void>();

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.child.stdout?.on('data', (data: Buffer) => this.#heard('out', data));
    this.child.stderr?.on('data', (data: Buffer) => this.#heard('err', data));
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        this.#over = true;
        resolve({ code, signal });
        this.#tell();
      });
    });
  }

  #heard(where: 'out' | 'err', data: Buffer): void {
    this[where] += data.toString();
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Resolves when what it has printed (stdout or stderr) matches so many times. Rejects if it ends before. */
  printed(pattern: RegExp, times = 1): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (this.count(pattern) >= times) resolve();
        else if (this.#over) reject(new Error(`ended without printing ${pattern}:\n${this.out}\n${this.err}`));
        else return;
        this.#listeners.delete(look);
      };
      this.#listeners.add(look);
      look();
    });
  }

  /** How often a pattern is in what it has printed. */
  count(pattern: RegExp): number {
    const all = new RegExp(pattern.source, 'gm');
    return (this.out.match(all) ?? []).length + (this.err.match(all) ?? []).length;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

/** The processes of one test: `await using processes = new Processes()`. Throws at the end if one of them printed what only a bug prints. */
export class Processes implements AsyncDisposable {
  readonly #all: Running[] = [];
  readonly #closing: AsyncDisposable[] = [];
  readonly #kill = (): void => {
    for (const running of this.#all) running.kill('SIGKILL');
  };

  readonly #stuck: NodeJS.Timeout | undefined;

  /** @param stuckMs Infinity for a scenario that is long, and finds out by itself what is stuck. */
  constructor(stuckMs: number = STUCK_MS) {
    this.#stuck = stuckMs === Infinity ? undefined : setTimeout(() => void this.#tell(), stuckMs);
    process.on('exit', this.#kill);
  }

  async #tell(): Promise<void> {
    for (const running of this.#all) running.kill('SIGUSR2');
    await new Promise((resolve) => {
      setTimeout(resolve, ANSWER_MS);
    });
    for (const { child, out, err } of this.#all)
      console.error(`stuck: ${child.spawnargs.slice(1).join(' ')}\n${out.slice(-3_000)}\n${err.slice(-3_000)}`);
  }

  /** Starts `node` with a script of the project. */
  node(script: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Running {
    const running = new Running([join(ROOT, script), ...args], env);
    this.#stuck?.refresh();
    this.#all.push(running);
    return running;
  }

  /** Something of this process that ends with the others, before them. */
  uses<T extends AsyncDisposable>(thing: T): T {
    this.#closing.push(thing);
    return thing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#stuck);
    for (const thing of this.#closing.toReversed()) await thing[Symbol.asyncDispose]();
    this.#kill();
    process.off('exit', this.#kill);
    await Promise.all(this.#all.map((running) => running.ended));
    const bugs = this.#all.filter(({ err }) => BUGS.test(err)).map(({ err }) => err);
    if (bugs.length > 0) throw new Error(`a process told of a bug:\n${bugs.join('\n')}`);
  }
}

/** Whether a process is there. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

export interface ClusterOptions {
  readonly workers?: number;
  readonly slots?: number;
  readonly policy?: 'leastLoaded' | 'roundRobin' | 'grain';
  /** What each worker offers. */
  readonly resources?: Readonly<Record<string, unknown>>;
  /** Options of the master. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** `scattering`: one with a scatter and a gather of its own. */
  readonly master?: keyof typeof MASTERS;
  readonly address?: string;
}

/** A master and its workers (`worker1`, …), each a process. */
export class Cluster extends Processes {
  readonly address: string;
  readonly workers: Running[] = [];
  master: Running;
  readonly #options: ClusterOptions;

  /** Use `startCluster`. */
  constructor(address: string, options: ClusterOptions) {
    super();
    this.address = address;
    this.#options = options;
    this.master = this.startMaster();
  }

  /** Starts the master, or another one in its place. */
  startMaster(): Running {
    const { master = 'plain', policy = 'leastLoaded', options = {} } = this.#options;
    this.master = this.node(`test/integration/fixtures/${MASTERS[master]}`, [this.address, policy, JSON.stringify(options)]);
    return this.master;
  }

  startWorker(name: string = `worker${this.workers.length + 1}`, resources: object | undefined = this.#options.resources): Running {
    const args = [
      name,
      this.address,
      String(this.#options.slots ?? 1),
      '',
      ...(resources === undefined ? [] : [JSON.stringify(resources)]),
    ];
    const worker = this.node('test/integration/fixtures/worker.mjs', args);
    this.workers.push(worker);
    return worker;
  }
}

/** Starts a master and workers. Resolves when all are welcome. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = new Cluster(options.address ?? (await freeAddress()), options);
  try {
    const workers = Array.from({ length: options.workers ?? 1 }, () => cluster.startWorker());
    await cluster.master.printed(/^listening/);
    await Promise.all(workers.map((worker) => worker.printed(/^welcomed/)));
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}
