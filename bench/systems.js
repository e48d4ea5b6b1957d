// @ts-check
/**
 * The systems that are compared, each role a process of its own.
 *
 * @import { Role } from './processes.js'
 * @import { Run, Sample, Task, Tasks, Usage } from './types.ts'
 */
import { spawnSync } from 'node:child_process';
import { startRole } from './processes.js';

export class System {
  /** Processes by name, in the order in which their CPU time is told. @type {Map<string, Role>} */
  #roles = new Map();
  /** @type {Role[]} */
  #drivers = [];

  /** @param {string} name @param {string} file @param {unknown} config @param {string[]} [execArgv] */
  async start(name, file, config, execArgv) {
    const role = await startRole(file, config, execArgv);
    this.#roles.set(name, role);
    return role;
  }

  /** As `start`, for a process that is told what to do. @param {string} name @param {string} file @param {unknown} config */
  async startDriver(name, file, config) {
    const role = await this.start(name, file, config);
    this.#drivers.push(role);
    return role;
  }

  /** @param {string} name @returns {Role} */
  role(name) {
    const role = this.#roles.get(name);
    if (role === undefined) throw new Error(`no process ${name}`);
    return role;
  }

  /** @returns {Promise<Map<string, Usage>>} */
  async usage() {
    return new Map(await Promise.all([...this.#roles].map(async ([name, role]) => /** @type {const} */ ([name, await role.usage()]))));
  }

  /**
   * Does a task, shared by all its drivers.
   * @template {Task} T
   * @param {T} task
   * @param {Tasks[T]} options
   * @returns {Promise<Sample>}
   */
  async run(task, options) {
    const before = await this.usage();
    const share = 'jobs' in options ? { jobs: Math.ceil(options.jobs / this.#drivers.length) } : {};
    /** @type {Run[]} */
    const runs = await Promise.all(this.#drivers.map((driver) => driver.ask(task, { ...options, ...share })));
    const after = await this.usage();
    const used = [...after].map(([name, { cpuMicros }]) => [name, cpuMicros - (before.get(name)?.cpuMicros ?? 0)]);
    return {
      ms: Math.max(...runs.map(({ endedAt }) => endedAt)) - Math.min(...runs.map(({ startedAt }) => startedAt)),
      jobs: runs.reduce((sum, { jobs }) => sum + jobs, 0),
      latencies: runs[0]?.latencies ?? [],
      slept: runs[0]?.slept ?? [],
      cpuMicros: Object.fromEntries(used),
    };
  }

  async stop() {
    const roles = [...this.#roles.values()].toReversed();
    this.#roles.clear();
    await Promise.all(roles.map((role) => role.end()));
  }
}

/** What was started before something failed is stopped. @param {(system: System) => Promise<void>} begin @returns {Promise<System>} */
async function started(begin) {
  const system = new System();
  try {
    await begin(system);
    return system;
  } catch (error) {
    await system.stop();
    throw error;
  }
}

/**
 * Starts several at once. If one cannot, those that could are stopped.
 * @param {Promise<System>[]} starts
 * @returns {Promise<System[]>}
 */
export async function together(...starts) {
  const settled = await Promise.allSettled(starts);
  const systems = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed === undefined) return systems;
  await Promise.all(systems.map((system) => system.stop()));
  throw failed.reason;
}

/** @param {number} count @param {string} name */
const names = (count, name) => Array.from({ length: count }, (_, i) => (count === 1 ? name : `${name}${i + 1}`));

/**
 * @param {{ policy?: string, workers?: number, clients?: number, execArgv?: string[] }} options
 * @returns {Promise<System>}
 */
export function gristmill({ policy = 'leastLoaded', workers = 2, clients = 1, execArgv = [] } = {}) {
  return started(async (system) => {
    const { address } = (await system.start('master', 'master', { policy }, execArgv)).ready;
    await Promise.all(names(workers, 'worker').map((name) => system.start(name, 'worker', { name, address })));
    await Promise.all(names(clients, 'client').map((name) => system.startDriver(name, 'client', { address })));
  });
}

/**
 * Workers with cores, for jobs that ask for some.
 * @param {{ workers: number, cores: number }} options
 * @returns {Promise<System>}
 */
export function mixed({ workers, cores }) {
  return started(async (system) => {
    const { address } = (await system.start('master', 'master', { policy: 'grain' })).ready;
    await Promise.all(names(workers, 'worker').map((name) => system.start(name, 'mixed_worker', { name, address, cores })));
    await system.startDriver('client', 'mixed_client', { address });
  });
}

/**
 * The floor, see roles/bare_forwarder.js.
 * @param {{ tuned?: boolean, workers?: number }} options
 * @returns {Promise<System>}
 */
export function bare({ tuned = false, workers = 2 } = {}) {
  return started(async (system) => {
    const forwarder = await system.start('master', 'bare_forwarder', { tuned, workers });
    const { front, back } = forwarder.ready;
    await Promise.all(names(workers, 'worker').map((name) => system.start(name, 'bare_worker', { address: back, tuned })));
    await forwarder.ask('here');
    await system.startDriver('client', 'bare_client', { address: front, tuned });
  });
}

/**
 * Its workers are threads or children of the client, so their CPU time is in the client's.
 * @param {'piscina' | 'workerpool'} kind
 * @param {{ workers?: number, each?: number }} options `each`: tasks that a worker may have at a time, where the pool knows that
 * @returns {Promise<System>}
 */
export function pool(kind, { workers = 2, each = 1 } = {}) {
  return started(async (system) => {
    await system.startDriver('client', 'pool_client', { kind, workers, each });
  });
}

/**
 * Its redis-server is a child of the process `redis`.
 * @param {{ workers?: number, concurrency?: number }} options
 * @returns {Promise<System>}
 */
export function bullmq({ workers = 2, concurrency = 1 } = {}) {
  return started(async (system) => {
    const { ready } = await system.start('redis', 'engine_server', { engine: 'redis', inMemory: true });
    const config = { port: Number(ready['port']), queue: 'bench', concurrency };
    await Promise.all(names(workers, 'worker').map((name) => system.start(name, 'bullmq_worker', config)));
    await system.startDriver('client', 'bullmq_client', config);
  });
}

/**
 * Client and workers by the address of an engine; its server is a child of the process `server`.
 * @param {'redis' | 'nats'} engine
 * @param {{ workers?: number }} options
 * @returns {Promise<System>}
 */
export function byEngine(engine, { workers = 2 } = {}) {
  return started(async (system) => {
    const { address } = (await system.start('server', 'engine_server', { engine })).ready;
    await Promise.all(names(workers, 'worker').map((name) => system.start(name, 'worker', { name, address })));
    await system.startDriver('client', 'client', { address });
  });
}

/** The version of an engine's server, if there is one. @param {'redis' | 'nats'} engine @returns {string | undefined} */
export function versionOf(engine) {
  const { status, stdout } = spawnSync(`${engine}-server`, ['--version'], { encoding: 'utf8' });
  return status === 0 ? (/v[=]?(\d[\d.]*)/.exec(stdout)?.[1] ?? 'unknown') : undefined;
}

/** The version of redis-server, if there is one. @returns {string | undefined} */
export function redisVersion() {
  return versionOf('redis');
}
