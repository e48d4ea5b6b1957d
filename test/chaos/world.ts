/** The processes of a scenario, the proxies between them, and what must come out: every result once. */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import type { MasterStatus } from '../../src/protocol/status.ts';
import { Processes, type Running } from '../integration/processes.ts';
import { freePort } from '../integration/ports.ts';
import { type Place, type Proxy, startProxy } from './proxy.ts';

const FIXTURES = 'test/chaos/fixtures';
/** Where workers and clients reach the master through proxies; the ports are the master's own. */
const WORKERS_HOST = '127.0.0.2';
const CLIENTS_HOST = '127.0.0.3';
/** Of a master: its address, where it pushes, where it pulls. */
type Ports = readonly [number, number, number];

export interface WorldOptions {
  readonly workers?: number;
  readonly slots?: number;
  readonly policy?: 'leastLoaded' | 'roundRobin';
  readonly kind?: 'plain' | 'merging' | 'many';
  /** Put proxies between (with one master only). */
  readonly proxies?: boolean;
  /** How many masters there are, of which clients and workers have a list: 1 unless said. */
  readonly masters?: number;
  /** Options of the master, and `stopMs`. */
  readonly master?: Readonly<Record<string, unknown>>;
}

/** What a client is to do; fixtures/client.mjs says what each means. */
export interface ClientSpec {
  readonly function: string;
  readonly expect?: 'same' | 'merged' | 'three' | 'digest' | 'nested' | 'part' | 'zeros' | 'counted';
  readonly jobs?: number;
  readonly bytes?: number;
  readonly prefix?: string;
  readonly ahead?: number;
  readonly everyMs?: number;
  readonly tellEvery?: number;
  readonly settle?: boolean;
  readonly ordered?: boolean;
  readonly results?: number;
  readonly clients?: number;
  readonly retries?: { readonly attempts: number; readonly [option: string]: unknown };
  readonly timeoutMs?: number;
  readonly own?: boolean;
  readonly cancels?: { readonly every: number; readonly ms: number };
  readonly special?: { readonly at: number; readonly function: string };
}

/** What a client says at its end. */
export interface Summary {
  readonly sent: number;
  readonly results: number;
  readonly missing: readonly number[];
  readonly doubled: readonly number[];
  readonly strange: readonly string[];
  readonly failed: readonly string[];
  /** Only of a client that cancels jobs. */
  readonly cancelled?: number;
}

/** Each kind of connection. */
export interface Proxies {
  readonly client: Proxy;
  readonly control: Proxy;
  readonly push: Proxy;
  readonly pull: Proxy;
}
export type Kind = keyof Proxies;

export class World extends Processes {
  readonly workers: Running[] = [];
  readonly #options: WorldOptions;
  readonly #ports: readonly Ports[];
  #started = 0;
  #proxies: Proxies | undefined;
  readonly masters: Running[] = [];

  /** Use `startWorld`. */
  constructor(options: WorldOptions, ports: readonly Ports[]) {
    super(Infinity);
    this.#options = options;
    this.#ports = ports;
    for (let at = 0; at < ports.length; at += 1) this.startMaster(at);
  }

  /** The first. */
  get master(): Running {
    return this.masters[0] as Running;
  }

  get proxies(): Proxies {
    if (this.#proxies === undefined) throw new Error('this world has no proxies');
    return this.#proxies;
  }

  /** Starts a master, or another one in its place. */
  startMaster(at = 0): Running {
    const { policy, kind, master } = this.#options;
    const [address, workerPushAddress, workerPullAddress] = (this.#ports[at] as Ports).map((port) => `tcp://127.0.0.1:${port}`);
    const json = JSON.stringify({ policy, kind, workerPushAddress, workerPullAddress, ...master });
    const running = this.node(`${FIXTURES}/master.mjs`, [address as string, json]);
    this.masters[at] = running;
    return running;
  }

  /** Starts a process with a worker, or with many. */
  startWorker(count = 1): Running {
    this.#started += 1;
    const address = this.#address(WORKERS_HOST);
    const worker = this.node(`${FIXTURES}/worker.mjs`, [
      `worker${this.#started}`,
      address,
      String(this.#options.slots ?? 1),
      String(count),
    ]);
    this.workers.push(worker);
    return worker;
  }

  startClient(spec: ClientSpec): Running {
    return this.node(`${FIXTURES}/client.mjs`, [this.#address(CLIENTS_HOST), JSON.stringify(spec)]);
  }

  /** What the first master says of itself. */
  async status(): Promise<MasterStatus> {
    const { master } = this;
    const said = master.printed(/^status .*$/, master.count(/^status .*$/) + 1);
    master.child.stdin?.write('status\n');
    await within(5_000, said, 'the status');
    return JSON.parse(/.*^status (.*)$/ms.exec(master.out)?.[1]?.split('\n')[0] as string) as MasterStatus;
  }

  async startProxies(): Promise<void> {
    const [main, push, pull] = this.#ports[0] as Ports;
    const between = (host: string, port: number): Promise<Proxy> => startProxy({ host, port }, { host: '127.0.0.1', port } satisfies Place);
    this.#proxies = {
      client: this.uses(await between(CLIENTS_HOST, main)),
      control: this.uses(await between(WORKERS_HOST, main)),
      push: this.uses(await between(WORKERS_HOST, push)),
      pull: this.uses(await between(WORKERS_HOST, pull)),
    };
  }

  #address(through: string): string {
    const host = this.#options.proxies === true ? through : '127.0.0.1';
    return this.#ports.map(([port]) => `tcp://${host}:${port}`).join(',');
  }

  /** What a client says at its end. Fails with what the master and the client know if that takes too long. */
  async finished(client: Running, ms = 20_000): Promise<Summary & readonly Summary[]> {
    await this.#explained(client, within(ms, client.printed(/^done /), 'the end of a client'));
    await within(5_000, client.ended, 'the exit of a client');
    return JSON.parse(/^done (.*)$/m.exec(client.out)?.[1] as string) as Summary & readonly Summary[];
  }

  /** Resolves when each of the clients has told of results so many times more. Fails as `finished` does. */
  async results(clients: readonly Running[], times: number, what: string, ms = 20_000): Promise<void> {
    const more = clients.map((client) => {
      const told = client.printed(/^at /, client.count(/^at /) + times);
      return this.#explained(client, within(ms, told, `results ${what}`));
    });
    await Promise.all(more);
  }

  async #explained(client: Running, promise: Promise<void>): Promise<void> {
    try {
      await promise;
    } catch (error) {
      const { message } = error as Error;
      throw new Error(`${message}\n${await this.#whatIsMissing(client)}`, { cause: error });
    }
  }

  async #whatIsMissing(client: Running): Promise<string> {
    const asked = async (running: Running, question: string): Promise<string> => {
      const at = running.out.length;
      running.child.stdin?.write(`${question}\n`);
      await within(
        2_000,
        running.printed(new RegExp(`^${question.split(' ')[0]}`), running.count(/^(status|story|missing)/) + 1),
        question,
      ).catch(() => undefined);
      return running.out.slice(at);
    };
    const missing = await asked(client, 'missing');
    const [, stream, job = '0'] = /^missing\n {2}(\S+)\n {2}(\d*)/m.exec(missing) ?? [];
    const states = await Promise.all(this.masters.map((master) => asked(master, 'status')));
    const story = stream === undefined ? '' : await asked(this.master, `story ${stream} ${job}`);
    return [client.out.slice(-300), client.err.slice(-1_000), missing, ...states, story, this.master.err.slice(-1_000)]
      .join('\n')
      .slice(0, 20_000);
  }
}

/** Starts a master and workers. Resolves when all are welcome. */
export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const world = new World(options, await freePorts(options.masters ?? 1));
  try {
    if (options.proxies === true) await world.startProxies();
    const workers = Array.from({ length: options.workers ?? 1 }, () => world.startWorker());
    await within(20_000, Promise.all([...world.masters, ...workers].map((one) => one.printed(/^(listening|welcomed)/))), 'the start');
  } catch (error) {
    await world[Symbol.asyncDispose]();
    throw error;
  }
  return world;
}

/** What a client says if every result came, each once, and nothing else. */
export function everyResult(sent: number, results: number = sent): Summary {
  return { sent, results, missing: [], doubled: [], strange: [], failed: [] };
}

/** The same for a stream that ended when it was told to: of so many jobs as it says it has sent. */
export function everyResultOf({ sent }: Summary, each = 1): Summary {
  return everyResult(Math.max(1, sent), sent * each);
}

/** Tells a client to cancel its streams. It stays until it is told to end. */
export function cancel(client: Running): void {
  client.child.stdin?.write('cancel\n');
}

/** Tells a client that its source ends. */
export function end(client: Running): void {
  client.child.stdin?.write('end\n');
}

/** Rejects after so long, saying what was waited for. */
export async function within<T>(ms: number, promise: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${ms} ms still waiting for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a process holds in memory, in bytes; 0 if it has ended. */
export function residentBytes({ child }: Running): number {
  if (child.exitCode !== null || child.signalCode !== null) return 0;
  const status = readFileSync(join('/proc', String(child.pid), 'status'), 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}

/** Three for each master, free on all the hosts that are used here. */
async function freePorts(masters: number): Promise<Ports[]> {
  const three = Array.from({ length: masters }, () => [0, 1, 2].map(() => freePort(['127.0.0.1', WORKERS_HOST, CLIENTS_HOST])));
  return await Promise.all(three.map(async (ports) => (await Promise.all(ports)) as unknown as Ports));
}
