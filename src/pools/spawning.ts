/** Starts a pool's workers. */
import { builtin } from '../common/builtin.ts';
import { checkInteger, checkOptions, checkString } from '../common/check.ts';
import { spawnWorker } from '../worker/spawn.ts';
import type { SpawnWorkerOptions, WorkerHandle } from './pool.ts';

const STOP_MS = 10_000;

/**
 * A process that runs a worker's module: it finds its name and the address as its first two arguments, and ends when this process does.
 * @throws TypeError for wrong arguments
 */
export function spawnPoolWorker(module: URL | string, address: string, options: SpawnWorkerOptions): WorkerHandle {
  checkOptions('spawnWorker', options, ['name', 'args', 'env']);
  const { name = `worker-${builtin('crypto').randomBytes(3).toString('hex')}`, args = [], env = process.env } = options;
  const { child, exited } = spawnWorker('spawnWorker', module, [checkString('spawnWorker: name', name), address, ...args], { env });
  const stop: WorkerHandle['stop'] = async (how = {}) => {
    checkOptions('stop', how, ['deadlineMs']);
    const deadlineMs = checkInteger('stop: deadlineMs', how.deadlineMs, STOP_MS, 0);
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    await exited;
    clearTimeout(timer);
  };
  return { name, pid: child.pid, exited, stop, [Symbol.asyncDispose]: () => stop() };
}
