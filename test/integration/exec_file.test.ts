/** Programs that functions run: real ones, and what is left of them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Bounds, type ProgramOptions, type ProgramResult, runProgram } from '../../src/worker/program.ts';
import { clientOf, jobErrorOf, thrownBy } from './helpers.ts';
import { startCluster } from './processes.ts';

/** The cores that this process may use, as the kernel writes them, and each. */
const ALLOWED: string = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '';
const CORES: readonly number[] = ALLOWED.split(',').flatMap((range) => {
  const [first = 0, last = first] = range.split('-').map(Number);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
});
const FIRST = CORES[0] as number;
const LAST = CORES.at(-1) as number;

interface Binding {
  readonly cores?: readonly number[];
  readonly signal?: AbortSignal;
  readonly ended?: AbortSignal;
}

function sh(script: string, binding: Binding = {}, options: ProgramOptions = {}): Promise<ProgramResult> {
  const bounds: Bounds = { cores: [], signal: new AbortController().signal, ended: new AbortController().signal, ...binding };
  return runProgram('sh', ['-c', script], options, bounds);
}

/** Whether a process is there, and no mere corpse. */
function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** Resolves when none of the processes is there: that of a kill that went before takes effect in its own time. */
async function gone(pids: readonly number[]): Promise<void> {
  while (pids.some(lives)) await new Promise((resolve) => setImmediate(resolve));
}

/** A script of which nobody goes at SIGTERM: child and grandchild. It writes their pids, and its own, to the file. */
const STUBBORN = (file: string): string =>
  `trap '' TERM; sh -c 'trap "" TERM; sleep 1000 & echo $! >> ${file}; echo $$ >> ${file}; wait' & echo $$ >> ${file}; wait`;

function pidsIn(file: string): number[] {
  try {
    return readFileSync(file, 'utf8').trim().split('\n').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

async function started(file: string, count: number): Promise<number[]> {
  while (pidsIn(file).length < count) await new Promise((resolve) => setImmediate(resolve));
  return pidsIn(file);
}

const temporary = (): string => `/tmp/gristmill-test-${process.pid}-${Math.random().toString(36).slice(2)}`;

describe('a program', () => {
  it('is given its input, and gives what it wrote and its status', async () => {
    expect(await sh('cat; echo problem >&2; exit 3', {}, { input: 'meal' })).toEqual({
      stdout: Buffer.from('meal'),
      stderr: Buffer.from('problem\n'),
      status: 3,
      pinned: false,
    });
  });

  it('may leave its input unread, and die by a signal', async () => {
    const { status, signal } = await sh('kill -KILL $$', {}, { input: Buffer.alloc(1_000_000) });
    expect({ status, signal }).toEqual({ status: null, signal: 'SIGKILL' });
  });

  it('has the environment and the folder that it was given', async () => {
    const { stdout } = await sh('echo $GRIST $PWD', {}, { env: { GRIST: 'rye' }, cwd: '/usr' });
    expect(String(stdout)).toBe('rye /usr\n');
  });

  it.each([
    [[FIRST], String(FIRST), `1 ${FIRST}`],
    [[LAST], String(LAST), `1 ${LAST}`],
    [CORES, ALLOWED, `${CORES.length} ${CORES.join()}`],
    [[LAST, 5_000], String(LAST), `2 ${LAST},5000`],
  ])('with the cores %o runs on these that are there, and is told of all', async (cores, allowed, told) => {
    const { stdout, pinned } = await sh('echo $OMP_NUM_THREADS $GRISTMILL_CORES; grep Cpus_allowed_list /proc/self/status', { cores });
    expect(String(stdout)).toBe(`${told}\nCpus_allowed_list:\t${allowed}\n`);
    expect(pinned).toBe(true);
  });

  it('with cores that are not there is told of them, and not pinned', async () => {
    const { stdout, pinned } = await sh('echo $GRISTMILL_CORES', { cores: [5_000, 5_001] });
    expect({ out: String(stdout), pinned }).toEqual({ out: '5000,5001\n', pinned: false });
  });

  it('leaves nobody behind when it ends', async () => {
    const { stdout, status } = await sh('sleep 1000 & echo $!');
    expect(status).toBe(0);
    await gone([Number(String(stdout))]);
  });

  it('ends although somebody who left its group holds its pipes', async () => {
    const { stdout } = await sh('setsid sleep 3 & echo done', {}, { graceMs: 20 });
    expect(String(stdout)).toBe('done\n');
  });

  it('is ended with all its kin when its job is cancelled, even if they ignore SIGTERM', async () => {
    const file = temporary();
    const cancel = new AbortController();
    const running = sh(STUBBORN(file), { signal: cancel.signal }, { graceMs: 50 });
    const pids = await started(file, 3);
    expect(pids.every(lives)).toBe(true);
    cancel.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    await gone(pids);
  });

  it('may use its grace to end in order', async () => {
    const file = temporary();
    const cancel = new AbortController();
    const running = sh(`trap 'echo bye >> ${file}; exit' TERM; echo 1 >> ${file}; while :; do sleep 0.01; done`, { signal: cancel.signal });
    await started(file, 1);
    cancel.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
    expect(readFileSync(file, 'utf8')).toBe('1\nbye\n');
  });

  it('that writes too much is ended, and that is an error', async () => {
    const error = await thrownBy(sh('yes', {}, { maxOutputBytes: 1_000_000 }));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toBe('execFile: sh wrote more than 1000000 bytes to stdout (maxOutputBytes)');
  });

  it.each([
    ['no-such-program', [], {}, Error, "execFile: no program 'no-such-program' in PATH"],
    ['/etc/passwd', [], {}, Error, 'execFile: no program /etc/passwd that may be run'],
    ['/usr', [], {}, Error, 'execFile: no program /usr that may be run'],
    ['', [], {}, RangeError, "execFile: program: expected a string that is not empty, got ''"],
    ['sh', 'x', {}, TypeError, 'execFile: expected an array of arguments, got "x"'],
    ['sh', [1], {}, TypeError, 'execFile: expected arguments that are strings, got 1'],
    ['sh', [], { inputs: '' }, TypeError, "execFile: unknown option 'inputs'"],
    ['sh', [], { input: 5 }, TypeError, 'execFile: input: expected a Uint8Array or a string, got 5'],
    ['sh', [], { graceMs: -1 }, RangeError, 'execFile: graceMs: expected a whole number from 0'],
  ])('%j with %j and %j is refused', async (program, args, options, kind, message) => {
    const { signal } = new AbortController();
    const error = await thrownBy(runProgram(program, args as string[], options as ProgramOptions, { cores: [], signal, ended: signal }));
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(message);
  });
});

describe('job.execFile', () => {
  it('is of the job: cancelled, timed out, or forgotten by its function, it is ended; the worker serves on', async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    expect(String(await client.call('runs', 'echo $((6*7))'))).toBe('42\n');
    const cancelled = temporary();
    const cancel = new AbortController();
    const call = client.call('runs', STUBBORN(cancelled), { signal: cancel.signal });
    const first = await started(cancelled, 3);
    cancel.abort();
    await thrownBy(call);
    await gone(first);
    const late = temporary();
    await jobErrorOf(client.call('runs', STUBBORN(late), { timeoutMs: 300 }), 'timed-out');
    await gone(await started(late, 3));
    const forgotten = temporary();
    expect(String(await client.call('forgets', STUBBORN(forgotten)))).toBe('gone on');
    await gone(pidsIn(forgotten));
    expect(String(await client.call('runs', 'echo on'))).toBe('on\n');
    const error = await jobErrorOf(client.call('runsNothing', ''), 'function-threw');
    expect(error.message).toBe("execFile: no program 'no-such-program' in PATH");
  });

  it('is bound to the cores that grain() gave to the job', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: [LAST, 5_000] } });
    const script = 'echo $GRISTMILL_CORES; grep Cpus_allowed_list /proc/self/status';
    const result = await clientOf(cluster).call('runs', script, { resources: { cores: 2 } });
    expect(String(result)).toBe(`${LAST},5000\nCpus_allowed_list:\t${LAST}\n`);
  });

  it('is ended with all its kin at the walltime of its job, and its cores are free then', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 1 } });
    const client = clientOf(cluster);
    const file = temporary();
    const error = await jobErrorOf(client.call('runs', STUBBORN(file), { resources: { cores: 2, walltime: '0:00:00.5' } }), 'timed-out');
    expect(error.message).toBe('runs took longer than its walltime, 0.5 s');
    await gone(await started(file, 3));
    expect(String(await client.call('runs', 'echo $GRISTMILL_CORES', { resources: { cores: 2 } }))).toBe('0,1\n');
  });

  it('ends with its worker, even one that is killed', async () => {
    await using cluster = await startCluster({ options: { crashLimit: 1 } });
    const file = temporary();
    const call = clientOf(cluster).call('runs', `echo $$ >> ${file}; exec sleep 1000`);
    const pids = await started(file, 1);
    cluster.workers[0]?.kill('SIGKILL');
    await gone(pids);
    expect((await jobErrorOf(call, 'worker-lost')).worker).toBe('worker1');
  });
});
