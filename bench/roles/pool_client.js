// @ts-check
/**
 * Drives a pool of this machine: Piscina (threads) or workerpool (processes). No network, and nobody else can use them.
 *
 * Their types do not compile under this project's settings, so what is used of them is written down here.
 *
 * @typedef {{ run(payload: Buffer, options: { name: string }): Promise<Uint8Array> }} Piscina
 * @typedef {{ Piscina: new (options: object) => Piscina }} PiscinaModule
 * @typedef {{ exec(name: string, args: unknown[]): PromiseLike<Uint8Array> }} Pool
 * @typedef {{ default: { pool(script: string, options: object): Pool } }} WorkerpoolModule
 */
import { fileURLToPath } from 'node:url';
import { drivenBy } from './by_promise.js';
import { config, serve } from './role.js';

const WINDOW = 10_000;

const { kind, workers, each } = /** @type {{ kind: string, workers: number, each: number }} */ (config);

async function piscina() {
  const { Piscina } = /** @type {PiscinaModule} */ (await import(kind));
  const filename = new URL('functions.js', import.meta.url).href;
  const pool = new Piscina({ filename, minThreads: workers, maxThreads: workers, concurrentTasksPerWorker: each });
  return drivenBy((name, payload) => pool.run(payload, { name }), WINDOW);
}

async function workerpool() {
  const { default: module } = /** @type {WorkerpoolModule} */ (await import(kind));
  const script = fileURLToPath(new URL('pool_worker.js', import.meta.url));
  // 'advanced': else bytes would travel as JSON.
  const forkOpts = { serialization: 'advanced' };
  const pool = module.pool(script, { minWorkers: workers, maxWorkers: workers, workerType: 'process', forkOpts });
  return drivenBy((name, payload) => pool.exec(name, [payload]), WINDOW);
}

serve({}, kind === 'piscina' ? await piscina() : await workerpool());
