// @ts-check
/** A pool of one's own: its engine is a folder. A job is a file, and moves from `queued` to `running` to `done` or `failed`. */
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError, WorkerPool } from 'gristmill';

const STATES = /** @type {const} */ (['queued', 'running', 'done', 'failed']);

export class FolderPool extends WorkerPool {
  /** @param {string} folder */
  constructor(folder) {
    super();
    this.folder = folder;
    for (const name of [...STATES, 'new', 'workers']) mkdirSync(join(folder, name), { recursive: true });
  }

  async workerCount() {
    return (await readdir(join(this.folder, 'workers'))).length;
  }

  /** @param {URL | string} module @param {import('gristmill').SpawnWorkerOptions} [options] */
  async spawnWorker(module, { name = `worker-${randomUUID()}` } = {}) {
    const child = fork(new URL('worker.js', import.meta.url), [String(module), name, this.folder]);
    /** @type {Promise<import('gristmill').Exit>} */
    const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
    const stop = async () => {
      child.kill();
      await exited;
    };
    return { name, pid: child.pid, exited, stop, [Symbol.asyncDispose]: stop };
  }

  /** @param {string} fn @param {import('gristmill').Payload} payload @param {import('gristmill').SubmitOptions} [options] */
  async submit(fn, payload, { id = randomUUID() } = {}) {
    await writeFile(join(this.folder, 'new', id), Buffer.concat([Buffer.from(`${fn}\n`), Buffer.from(payload)]));
    await rename(join(this.folder, 'new', id), join(this.folder, 'queued', id));
    return id;
  }

  /** @param {string} id @returns {Promise<import('gristmill').JobRecord | undefined>} */
  async fetch(id) {
    // In the order in which jobs move: one that moves meanwhile is met later.
    for (const status of STATES) {
      const value = await readFile(join(this.folder, status, id)).catch(() => undefined);
      if (value === undefined) continue;
      if (status === 'done') return { id, status, attempts: 1, value, values: [value] };
      if (status !== 'failed') return { id, status, attempts: status === 'running' ? 1 : 0 };
      return { id, status, attempts: 1, error: new JobError('function-threw', String(value), { function: '', index: 0, attempts: 1 }) };
    }
    return undefined;
  }

  /** @param {string} id */
  async cancel(id) {
    return (await rename(join(this.folder, 'queued', id), join(this.folder, 'failed', id)).catch(() => false)) === undefined;
  }
}
