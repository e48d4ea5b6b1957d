/** Combines with heads and workers of their own: real processes. */
import { describe, expect, it } from 'vitest';
import { Processes, lives } from './processes.ts';

const FIXTURES = 'test/combine/fixtures';

interface Got {
  readonly cores: readonly number[];
  readonly memoryGb: number;
  readonly worker: string;
  readonly pid: number;
}

class Programs extends Processes {
  /** What a program printed at its end. */
  async result<T>(which: string, addresses: readonly string[] = []): Promise<T> {
    const program = this.node(`${FIXTURES}/program.mjs`, [which, ...addresses]);
    const { code, signal } = await program.ended;
    if (code !== 0) throw new Error(`the program ended with ${code ?? signal}: ${program.err}`);
    return JSON.parse(program.out) as T;
  }

  /** A worker that listens; its address. */
  async listens(name: string): Promise<string> {
    const worker = this.node(`${FIXTURES}/worker.mjs`, ['tcp://127.0.0.1:*', name]);
    await worker.printed(/ listens at /);
    return / listens at (\S+)/.exec(worker.out)?.[1] as string;
  }
}

describe('a combine with a local worker', () => {
  it('binds cores to its jobs, two at a time where two fit, and leaves no process behind', async () => {
    await using programs = new Programs();
    const { got } = await programs.result<{ got: Got[] }>('local');
    expect(got).toHaveLength(4);
    for (const { cores, memoryGb } of got) {
      expect(memoryGb).toBe(0.25);
      expect(cores).toHaveLength(2);
      expect(cores.every((core) => [0, 1, 2, 3].includes(core))).toBe(true);
    }
    expect(new Set(got.flatMap(({ cores }) => cores)).size).toBe(4);
    await expect.poll(() => got.some(({ pid }) => lives(pid))).toBe(false);
  });

  it('runs functions that block side by side, each in a process of its own', async () => {
    await using programs = new Programs();
    const [a, b] = await programs.result<{ pid: number; cores: number[]; from: number; to: number }[]>('blocks');
    expect(a?.pid).not.toBe(b?.pid);
    expect(a?.cores).not.toEqual(b?.cores);
    expect((a?.from ?? 0) < (b?.to ?? 0) && (b?.from ?? 0) < (a?.to ?? 0)).toBe(true);
  });

  it('starts it again when it dies', async () => {
    await using programs = new Programs();
    expect(await programs.result<string>('dies')).toBe('at the second attempt');
  });

  it('fails at once when its module cannot be loaded', async () => {
    await using programs = new Programs();
    const { message } = await programs.result<{ message: string }>('broken');
    expect(message).toBe('runCombine: the worker of workerModule ended before it was up: exit code 1');
  });

  it('says what failed, and where it was asked for', async () => {
    await using programs = new Programs();
    const error = await programs.result<Record<string, string>>('throws');
    expect(error).toMatchObject({ name: 'JobError', code: 'function-threw', message: expect.stringContaining('cannot: it') as unknown });
    expect(error['stack']).toMatch(/program\.mjs/);
  });
});

describe('a combine with workers that it dials', () => {
  it('runs on them what each has room for', async () => {
    await using programs = new Programs();
    const addresses = await Promise.all(['a', 'b'].map((name) => programs.listens(name)));
    const { got } = await programs.result<{ got: Got[] }>('workers', addresses);
    expect(got.map(({ worker }) => worker).sort()).toEqual(['a', 'a', 'b', 'b']);
    expect(got.every(({ cores }) => cores.join() === '5,6')).toBe(true);
  });

  it('takes what it is told they offer', async () => {
    await using programs = new Programs();
    const address = await programs.listens('a');
    const { got } = await programs.result<{ got: Got[] }>('per_worker', [address]);
    expect(new Set(got.flatMap(({ cores }) => cores)).size).toBe(4);
    // It is free for the next, who goes by what it says itself.
    const next = await programs.result<{ got: Got[] }>('workers', [address]);
    expect(next.got.every(({ cores }) => cores.join() === '5,6')).toBe(true);
  });
});
