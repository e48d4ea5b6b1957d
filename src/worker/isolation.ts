/**
 * Isolated functions: each part's function runs in a process of its own, so that nothing it does can block the worker or bring it down.
 * Processes are used again, the one that was used last first; one that is killed, or dies, is replaced when it is needed.
 *
 * To the executor an isolated function is one that gives a promise or an async generator. When nobody wants its result any more it is told so,
 * and killed with its process group GRACE_MS later, unless it has ended.
 */
import type { ChildProcess } from 'node:child_process';
import { builtin } from '../common/builtin.ts';
import type { WorkerAnswer } from '../streams/types.ts';
import type { Caller } from '../streams/caller.ts';
import { ProcessDied, Relayed, Unfit } from './answers.ts';
import type { JobContext } from './context.ts';
import type { Served } from './executor_options.ts';
import {
  asBuffer,
  type Askable,
  ASKABLE,
  CHILD_VARIABLE,
  errorFrom,
  type FromChild,
  type IsolatedJob,
  type Order,
  type Reply,
  type ToChild,
  toldError,
} from './isolation_messages.ts';
import { coresToUse, tools } from './program.ts';

const GRACE_MS = 50;
/** How long a program may take until it starts its worker. */
const READY_MS = 30_000;

export interface IsolationOptions {
  readonly name: string;
  /** Which of the isolated workers of its program this is. */
  readonly number: number;
  /** How many idle processes are kept. */
  readonly slots: number;
  readonly caller: () => Pick<Caller, 'get' | 'set' | 'delete' | 'status'>;
}

export class Isolation {
  readonly #options: IsolationOptions;
  readonly #idle: Child[] = [];
  readonly #all = new Set<Child>();
  #closed = false;
  /** What makes a process die with this one, where the system has that. */
  #prefix: readonly string[] = [];

  constructor(options: IsolationOptions) {
    this.#options = options;
  }

  /** Starts the first process, so that a program that cannot be run again is found out. */
  async start(): Promise<void> {
    if (process.argv[1] === undefined)
      throw new TypeError('Worker: isolate: expected a program that can be run again, but process.argv[1] names none');
    const { setpriv } = await tools(process.env['PATH'] ?? '');
    if (setpriv !== undefined) this.#prefix = [setpriv, '--pdeathsig', 'KILL', '--'];
    const child = this.#spawn();
    await child.ready;
    this.#back(child);
  }

  /** The same functions, each run in a process. */
  wrap(functions: ReadonlyMap<string, unknown>): Map<string, Served> {
    const served = (message: Buffer, job: JobContext): WorkerAnswer => this.#run(message, job) as WorkerAnswer;
    return new Map([...functions.keys()].map((name) => [name, served]));
  }

  close(): void {
    this.#closed = true;
    for (const child of this.#all) child.kill();
  }

  #spawn(): Child {
    const child = new Child(this.#options, this.#prefix, () => this.#all.delete(child));
    this.#all.add(child);
    return child;
  }

  async #run(message: Buffer, job: JobContext): Promise<unknown> {
    const { signal } = job;
    const child = this.#take();
    const stop = (): void => child.stop(signal.reason);
    signal.addEventListener('abort', stop);
    const over = (): void => {
      signal.removeEventListener('abort', stop);
      this.#back(child);
    };
    try {
      if (signal.aborted) stop();
      await child.ready;
      await child.pin(coresOf(job.resources));
      const first = await child.ask({ type: 'run', message, job: travelling(job) }, (what, args) => this.#answer(what, args, job));
      if (first.type === 'steps') return steps(child, over);
      over();
      return first.type === 'ended' ? asBuffer(first.value) : undefined;
    } catch (error) {
      over();
      throw error;
    }
  }

  #take(): Child {
    for (let child = this.#idle.pop(); child !== undefined; child = this.#idle.pop()) if (child.usable) return child;
    return this.#spawn();
  }

  #back(child: Child): void {
    if (!child.usable || this.#closed || this.#idle.length >= this.#options.slots) child.kill();
    else this.#idle.push(child);
  }

  #answer(what: Askable, args: readonly unknown[], job: JobContext): unknown {
    const host = what === 'call' || what === 'execFile' ? job : this.#options.caller();
    return (host as unknown as Record<Askable, (...given: readonly unknown[]) => unknown>)[what](...args);
  }
}

/** What a generator in another process yields. */
async function* steps(child: Child, over: () => void): AsyncGenerator<unknown, void> {
  let ended = false;
  try {
    for (;;) {
      const step = await child.ask({ type: 'next' });
      ended = step.type === 'ended';
      if (step.type !== 'step') return;
      yield typeof step.bad === 'string' ? new Unfit(step.bad) : asBuffer(step.value);
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    try {
      if (!ended) {
        child.stop(new DOMException('the job has failed', 'AbortError'));
        await child.ask({ type: 'return' });
      }
    } finally {
      over();
    }
  }
}

function travelling(job: JobContext): IsolatedJob {
  const { id, stream, client, index, part, attempt, function: name, deadline, resources, fields } = job;
  return { id, stream, client, index, part, attempt, function: name, deadline, resources: { ...resources }, fields };
}

function coresOf({ cores }: { readonly cores?: unknown }): readonly number[] {
  return Array.isArray(cores) ? (cores as number[]) : [];
}

type Answer = (what: Askable, args: readonly unknown[]) => unknown;

/** One process. */
class Child {
  readonly ready: Promise<void>;
  readonly #process: ChildProcess;
  readonly #name: string;
  #pinned = '';
  #answer: Answer | undefined;
  #waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void } | undefined;
  #died: ProcessDied | undefined;
  #order = 0;
  #stopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ name, number }: IsolationOptions, prefix: readonly string[], gone: () => void) {
    this.#name = name;
    const [, program = '', ...args] = process.argv;
    const [command, ...flags] = [...prefix, process.execPath, ...process.execArgv] as [string, ...string[]];
    this.#process = builtin('child_process').fork(program, args, {
      execPath: command,
      execArgv: flags,
      env: { ...process.env, [CHILD_VARIABLE]: String(number) },
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      detached: true,
    });
    this.ready = this.#begin(gone);
    // Whoever waits for it is told.
    this.ready.catch(() => undefined);
  }

  /** Whether it can be given another function. */
  get usable(): boolean {
    return this.#died === undefined && !this.#stopping && this.#waiting === undefined;
  }

  #begin(gone: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.kill(), READY_MS);
      this.#process.on('message', (message: FromChild | null) => {
        clearTimeout(timer);
        // The program may say anything on its channel. What answers no order of ours is not for us.
        if (message === null || typeof message !== 'object') return;
        if (message.type === 'ready') resolve();
        else if (message.type === 'ask') void this.#asked(message);
        else if (message.to === this.#order) this.#replied(message);
      });
      const dead = (how: string): void => {
        clearTimeout(timer);
        clearTimeout(this.#timer);
        this.#died = new ProcessDied(`the process of an isolated function of worker ${this.#name} ${how}`);
        reject(this.#died);
        this.#waiting?.reject(this.#died);
        this.#waiting = undefined;
        gone();
      };
      this.#process.once('error', (error) => dead(`could not be run: ${error.message}`));
      this.#process.once('exit', (code, signal) => {
        this.#killGroup();
        dead(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`);
      });
    });
  }

  /** Says something, and resolves to what comes of it. Rejects with what the function threw, or a ProcessDied. */
  ask(order: Order, answer?: Answer): Promise<Reply> {
    this.#answer = answer ?? this.#answer;
    return new Promise((resolve, reject) => {
      if (this.#died !== undefined) return reject(this.#died);
      this.#waiting = { resolve, reject };
      this.#order += 1;
      this.#send({ ...order, order: this.#order });
    });
  }

  #send(message: ToChild): void {
    // What cannot be sent any more is heard of by its end.
    if (this.#process.connected) this.#process.send(message, () => undefined);
  }

  #replied(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (reply.type === 'ended' && this.#stopping) {
      clearTimeout(this.#timer);
      this.#stopping = false;
    }
    if (reply.type === 'ended' && typeof reply.error === 'object' && reply.error !== null) waiting?.reject(errorFrom(reply.error));
    else if (reply.type === 'ended' && typeof reply.bad === 'string')
      waiting?.reject(new Relayed({ code: 'bad-result', message: reply.bad }));
    else waiting?.resolve(reply);
  }

  async #asked({ question, what, args }: Extract<FromChild, { type: 'ask' }>): Promise<void> {
    try {
      if (!ASKABLE.includes(what)) throw new TypeError(`an isolated function cannot ask for '${what as string}'`);
      const value = await this.#answer?.(what, args);
      this.#send({ type: 'answer', question, value });
    } catch (error) {
      this.#send({ type: 'answer', question, error: toldError(error) });
    }
  }

  /** Nobody wants what it does: it is told, and killed if it has not ended soon. */
  stop(reason: unknown): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#send({ type: 'abort', reason: toldError(reason) });
    this.#timer = setTimeout(() => this.kill(), GRACE_MS);
  }

  /** Binds all threads of the process to cores. Without cores it goes where it did. */
  async pin(cores: readonly number[]): Promise<void> {
    const wanted = cores.join(',');
    if (wanted === this.#pinned || cores.length === 0) return;
    const [{ taskset }, here] = await Promise.all([tools(process.env['PATH'] ?? ''), coresToUse(cores)]);
    if (taskset === undefined || here.length === 0) return;
    await builtin('util').promisify(builtin('child_process').execFile)(taskset, [
      '-a',
      '-c',
      '-p',
      here.join(','),
      String(this.#process.pid),
    ]);
    this.#pinned = wanted;
  }

  kill(): void {
    this.#stopping = true;
    this.#killGroup();
  }

  #killGroup(): void {
    const { pid } = this.#process;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left of it.
    }
  }
}
