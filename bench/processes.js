// @ts-check
/**
 * Processes of the benchmark, as their parent sees them. None outlives the parent: each ends when its channel to the parent does.
 *
 * @import { ChildProcess } from 'node:child_process'
 * @import { Usage } from './types.ts'
 */
import { fork } from 'node:child_process';

const START_MS = 30_000;
const TASK_MS = 60_000;

/** @type {Set<Role>} */
const all = new Set();
process.once('exit', () => {
  for (const role of all) role.kill('SIGTERM');
});

/** One process. */
export class Role {
  /** @type {ChildProcess} */
  #child;
  /** @type {Map<number, { resolve: (value: never) => void, reject: (error: Error) => void }>} */
  #asked = new Map();
  #last = 0;
  #ended = false;

  /**
   * Use `startRole`.
   * @param {string} file
   * @param {unknown} config
   * @param {string[]} execArgv
   */
  constructor(file, config, execArgv) {
    this.name = file;
    /** What the process said when it was ready. @type {Record<string, string>} */
    this.ready = {};
    const path = new URL(`roles/${file}.js`, import.meta.url);
    this.#child = fork(path, [JSON.stringify(config)], { execArgv, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (message) =>
      this.#heard(/** @type {{ id?: number, ready?: never, value?: never, error?: string }} */ (message)),
    );
    this.#child.once('exit', (code, signal) => this.#over(new Error(`the process ${file} ended (${signal ?? code})`)));
    this.#child.once('error', (error) => this.#over(error));
    all.add(this);
  }

  get pid() {
    return this.#child.pid;
  }

  /** @param {{ id?: number, ready?: never, value?: never, error?: string }} message */
  #heard({ id = 0, ready, value, error }) {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (error !== undefined) asked?.reject(new Error(`${this.name}: ${error}`));
    else asked?.resolve(/** @type {never} */ (id === 0 ? ready : value));
  }

  /** @param {Error} error */
  #over(error) {
    this.#ended = true;
    all.delete(this);
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
  }

  /**
   * @template T
   * @param {number} id
   * @param {string} what
   * @param {number} timeoutMs
   * @returns {Promise<T>}
   */
  #answer(id, what, timeoutMs) {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(new Error(`the process ${this.name} has ended`));
      const timer = setTimeout(() => reject(new Error(`${this.name}: no answer to '${what}' in ${timeoutMs / 1_000} s`)), timeoutMs);
      /** @param {() => void} then */
      const settle = (then) => {
        clearTimeout(timer);
        then();
      };
      this.#asked.set(id, {
        resolve: (value) => settle(() => resolve(value)),
        reject: (error) => settle(() => reject(error)),
      });
    });
  }

  /** @returns {Promise<this>} */
  async begin() {
    this.ready = (await this.#answer(0, 'start', START_MS)) ?? {};
    return this;
  }

  /**
   * @template T
   * @param {string} task
   * @param {unknown} [options]
   * @returns {Promise<T>}
   */
  ask(task, options = {}) {
    this.#last += 1;
    /** @type {Promise<T>} */
    const answer = this.#answer(this.#last, task, TASK_MS);
    if (!this.#ended) this.#child.send({ id: this.#last, task, options });
    return answer;
  }

  /** @returns {Promise<Usage>} */
  usage() {
    return this.ask('usage');
  }

  /** @param {'SIGKILL' | 'SIGTERM'} [signal] */
  kill(signal = 'SIGKILL') {
    this.#child.kill(signal);
  }

  /** Kills it, if it does not end when its channel closes. @returns {Promise<void>} */
  async end() {
    if (this.#ended) return;
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    const timer = setTimeout(() => this.kill(), 1_000);
    if (this.#child.connected) this.#child.disconnect();
    await ended;
    clearTimeout(timer);
  }
}

/**
 * Starts a process of roles/, and waits until it is ready.
 * @param {string} file
 * @param {unknown} [config]
 * @param {string[]} [execArgv]
 * @returns {Promise<Role>}
 */
export async function startRole(file, config = {}, execArgv = []) {
  const role = new Role(file, config, execArgv);
  try {
    return await role.begin();
  } catch (error) {
    role.kill();
    throw error;
  }
}
