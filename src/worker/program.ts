/**
 * Runs a program for a job, bound to what the job was given: to its cores, and to its life.
 *
 * The program leads a process group of its own. When the job is over, whatever the reason, nobody of the group is left: SIGTERM, and
 * SIGKILL after a grace; what the program leaves behind when it ends by itself is killed at once. Should this process be killed, the
 * kernel kills the program (where `setpriv` is there). Who leaves the group, by setsid, is not followed.
 */
import type { ChildProcess } from 'node:child_process';
import { delimiter, resolve } from 'node:path';
import { builtin } from '../common/builtin.ts';
import { checkInteger, checkOptions, checkString, shown, toBytes } from '../common/check.ts';
import type { Payload } from '../streams/types.ts';

const OPTIONS = ['input', 'cwd', 'env', 'maxOutputBytes', 'graceMs'];
const MAX_OUTPUT_BYTES = 67_108_864;
const GRACE_MS = 2_000;

export interface ProgramOptions {
  /** What it reads from stdin. Default: nothing. */
  readonly input?: Payload | undefined;
  readonly cwd?: string | undefined;
  /** Added to the environment of the worker. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** The most that it may write to stdout, and to stderr, in bytes. Default 64 MiB. */
  readonly maxOutputBytes?: number | undefined;
  /** How long after SIGTERM what is still there is killed, in milliseconds. Default 2 s. */
  readonly graceMs?: number | undefined;
}

/** How a program ended. */
export interface ProgramResult {
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  /** Its exit status; null if a signal ended it. */
  readonly status: number | null;
  readonly signal?: NodeJS.Signals;
  /** Whether it was bound to the cores of the job: not where there are none, or none that this machine has, or no `taskset`. */
  readonly pinned: boolean;
}

/** What a program is bound to. */
export interface Bounds {
  readonly cores: readonly number[];
  /** Aborted when nobody wants the job any more; its reason is what the run then rejects with. */
  readonly signal: AbortSignal;
  /** Aborted when the job's function has ended. */
  readonly ended: AbortSignal;
}

/**
 * @throws TypeError or RangeError for wrong arguments; Error with code ENOENT if there is no such program; the signal's reason if the job
 * was over first; RangeError if it wrote too much. In each case its whole group is gone by then.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  bounds: Bounds,
): Promise<ProgramResult> {
  const { input, cwd, env, maxBytes, graceMs } = checked(program, args, options);
  const environment = { ...process.env, ...env, ...binding(bounds.cores) };
  bounds.signal.throwIfAborted();
  const file = await find(program, environment['PATH'] ?? '', cwd);
  const { prefix, pinned } = await launcher(bounds.cores, environment['PATH'] ?? '');
  bounds.signal.throwIfAborted();
  const [command, ...rest] = [...prefix, file, ...args] as [string, ...string[]];
  const child = builtin('child_process').spawn(command, rest, { cwd, env: environment, detached: true, stdio: 'pipe' });
  return await new Run(child, { program, input, maxBytes, graceMs, bounds, pinned }).result;
}

function checked(
  program: unknown,
  args: unknown,
  options: ProgramOptions,
): { input: Buffer; cwd: string | undefined; env: Readonly<Record<string, string>>; maxBytes: number; graceMs: number } {
  checkString('execFile: program', program);
  if (!Array.isArray(args)) throw new TypeError(`execFile: expected an array of arguments, got ${shown(args)}`);
  for (const arg of args as unknown[])
    if (typeof arg !== 'string') throw new TypeError(`execFile: expected arguments that are strings, got ${shown(arg)}`);
  checkOptions('execFile', options, OPTIONS);
  return {
    input: options.input === undefined ? Buffer.alloc(0) : toBytes('execFile: input', options.input),
    cwd: options.cwd === undefined ? undefined : checkString('execFile: cwd', options.cwd),
    env: options.env ?? {},
    maxBytes: checkInteger('execFile: maxOutputBytes', options.maxOutputBytes, MAX_OUTPUT_BYTES, 1),
    graceMs: checkInteger('execFile: graceMs', options.graceMs, GRACE_MS, 0, 2 ** 31 - 1),
  };
}

/** What tells a program of its cores; nothing that the worker was told of its own. */
function binding(cores: readonly number[]): Record<string, string | undefined> {
  if (cores.length === 0) return { GRISTMILL_CORES: undefined };
  return { GRISTMILL_CORES: cores.join(','), OMP_NUM_THREADS: String(cores.length) };
}

/** The file of a program, as a shell would find it. */
async function find(program: string, path: string, cwd = '.'): Promise<string> {
  const named = program.includes('/');
  const candidates = named ? [resolve(cwd, program)] : path.split(delimiter).map((folder) => resolve(folder, program));
  for (const candidate of candidates) if (await isProgram(candidate)) return candidate;
  const message = named ? `execFile: no program ${program} that may be run` : `execFile: no program '${program}' in PATH`;
  throw Object.assign(new Error(message), { code: 'ENOENT' });
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await builtin('fs/promises').access(file, builtin('fs').constants.X_OK);
    return (await builtin('fs/promises').stat(file)).isFile();
  } catch {
    return false;
  }
}

/** What to put before a program, so that it is bound. */
async function launcher(cores: readonly number[], path: string): Promise<{ prefix: string[]; pinned: boolean }> {
  const [{ setpriv, taskset }, here] = await Promise.all([tools(path), coresToUse(cores)]);
  const pinned = taskset !== undefined && here.length > 0;
  const dying = setpriv === undefined ? [] : [setpriv, '--pdeathsig', 'KILL', '--'];
  return { prefix: pinned ? [...dying, taskset, '-c', here.join(',')] : dying, pinned };
}

/** What binds a program to this process's life, and to cores; where the system has it. */
export async function tools(path: string): Promise<{ setpriv: string | undefined; taskset: string | undefined }> {
  if (process.platform !== 'linux') return { setpriv: undefined, taskset: undefined };
  const tool = (name: string): Promise<string | undefined> => find(name, path).catch(() => undefined);
  const [setpriv, taskset] = await Promise.all([tool('setpriv'), tool('taskset')]);
  return { setpriv, taskset };
}

/** Those of the cores that are there for this process. */
export async function coresToUse(cores: readonly number[]): Promise<number[]> {
  const usable = await usableCores();
  return cores.filter((core) => usable.has(core));
}

/** The cores that this process may use. */
async function usableCores(): Promise<Set<number>> {
  const status = await builtin('fs/promises')
    .readFile('/proc/self/status', 'utf8')
    .catch(() => '');
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '';
  const cores = new Set<number>();
  for (const range of list.split(',').filter(Boolean)) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let core = first; core <= last; core += 1) cores.add(core);
  }
  return cores;
}

interface RunOptions {
  readonly program: string;
  readonly input: Buffer;
  readonly maxBytes: number;
  readonly graceMs: number;
  readonly bounds: Bounds;
  readonly pinned: boolean;
}

/** A program that runs. */
class Run {
  readonly result: Promise<ProgramResult>;
  readonly #child: ChildProcess;
  readonly #options: RunOptions;
  readonly #output: Record<'stdout' | 'stderr', { chunks: Buffer[]; bytes: number }> = {
    stdout: { chunks: [], bytes: 0 },
    stderr: { chunks: [], bytes: 0 },
  };
  #timer: NodeJS.Timeout | undefined;
  /** Why it was stopped. */
  #stopped: { readonly why: unknown } | undefined;

  constructor(child: ChildProcess, options: RunOptions) {
    this.#child = child;
    this.#options = options;
    for (const name of ['stdout', 'stderr'] as const) child[name]?.on('data', (chunk: Buffer) => this.#wrote(name, chunk));
    // Who does not read its input ends before all is written.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(options.input);
    const { signal, ended } = options.bounds;
    const cancelled = (): void => this.#stop(signal.reason);
    const over = (): void => this.#stop(new Error(`execFile: ${options.program}: the job's function has ended`));
    signal.addEventListener('abort', cancelled);
    ended.addEventListener('abort', over);
    if (signal.aborted) cancelled();
    if (ended.aborted) over();
    this.result = this.#end().finally(() => {
      clearTimeout(this.#timer);
      signal.removeEventListener('abort', cancelled);
      ended.removeEventListener('abort', over);
    });
  }

  #end(): Promise<ProgramResult> {
    return new Promise((fulfil, reject) => {
      this.#child.once('error', reject);
      // Whoever it has left behind holds its pipes, perhaps, and its cores.
      this.#child.once('exit', () => {
        this.#kill('SIGKILL');
        clearTimeout(this.#timer);
        // Who has left the group may keep the pipes for ever.
        this.#timer = setTimeout(() => this.#hangUp(), this.#options.graceMs);
      });
      this.#child.once('close', (status: number | null, signal: NodeJS.Signals | null) => {
        const { stdout, stderr } = this.#output;
        const output = { stdout: Buffer.concat(stdout.chunks), stderr: Buffer.concat(stderr.chunks) };
        if (this.#stopped !== undefined) reject(this.#stopped.why);
        else fulfil({ ...output, status, ...(signal === null ? {} : { signal }), pinned: this.#options.pinned });
      });
    });
  }

  #wrote(name: 'stdout' | 'stderr', chunk: Buffer): void {
    const { program, maxBytes } = this.#options;
    const output = this.#output[name];
    output.bytes += chunk.length;
    if (output.bytes <= maxBytes) return void output.chunks.push(chunk);
    output.chunks.length = 0;
    this.#stop(new RangeError(`execFile: ${program} wrote more than ${maxBytes} bytes to ${name} (maxOutputBytes)`));
  }

  #stop(why: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { why };
    this.#kill('SIGTERM');
    this.#timer = setTimeout(() => this.#kill('SIGKILL'), this.#options.graceMs);
  }

  #hangUp(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  /** The whole group; one that is gone is none. */
  #kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') this.#child.kill(signal);
    }
  }
}
