import { describe, expect, it } from 'vitest';
import { exec1, runCombine, waitgroup } from '../../src/combine/index.ts';
import { type JobContext, JobError, Worker } from '../../src/index.ts';
import { type Mill, startMill } from '../../src/testing/index.ts';

class Fixture extends Worker {
  static met: (() => void)[] = [];
  static aborted: string[] = [];

  echo(message: Buffer): Buffer {
    return message;
  }

  /** `20 a` takes 20 ms and answers `a`. */
  async slowly(message: Buffer): Promise<string> {
    const [ms, text = ''] = message.toString().split(' ');
    await new Promise((resolve) => setTimeout(resolve, Number(ms)));
    return text;
  }

  /** `3 a` waits until three are here, and answers `a`; the last to come is the first to answer. */
  async meets(message: Buffer): Promise<string> {
    const [count, text = ''] = message.toString().split(' ');
    await new Promise<void>((resolve) => {
      Fixture.met.unshift(resolve);
      if (Fixture.met.length === Number(count)) for (const go of Fixture.met.splice(0)) go();
    });
    return text;
  }

  throws(message: Buffer): never {
    throw new Error(`cannot: ${message.toString()}`);
  }

  /** Until it is cancelled. */
  async waits(message: Buffer, job: JobContext): Promise<void> {
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
    Fixture.aborted.push(message.toString());
  }
}

async function fixture(): Promise<
  Mill<Fixture> & { options: { address: string; transport: ReturnType<Mill<Fixture>['network']['transport']>; logger: false } }
> {
  const mill = await startMill(Fixture, { workers: 2, slots: 8 });
  return Object.assign(mill, { options: { address: mill.master.address, transport: mill.network.transport(), logger: false as const } });
}

const texts = (results: readonly Buffer[]): string[] => results.map(String);

describe('a waitgroup', () => {
  it('runs its jobs side by side, and gives their results in the order of submission', async () => {
    await using mill = await fixture();
    const results = await runCombine(
      () =>
        waitgroup((wg) => {
          for (const job of ['3 a', '3 b', '3 c']) wg.submit(undefined, 'meets', job);
        }),
      mill.options,
    );
    expect(texts(results)).toEqual(['a', 'b', 'c']);
  });

  it('waits for its subtasks, which may submit to it and open groups of their own', async () => {
    await using mill = await fixture();
    const order: string[] = [];
    const results = await runCombine(async () => {
      const all = await waitgroup(async (wg) => {
        wg.startSubtask(async () => {
          const inner = await waitgroup((own) => {
            own.submit(undefined, 'slowly', '20 x');
            own.submit(undefined, 'echo', 'y');
          });
          order.push(`inner ${texts(inner).join()}`);
          order.push(`then ${String(await exec1(undefined, 'echo', 'z'))}`);
          wg.submit(undefined, 'echo', 'late');
        });
        await wg.submit(undefined, 'echo', 'first').result;
      });
      order.push('outer');
      return all;
    }, mill.options);
    expect(texts(results)).toEqual(['first', 'late']);
    expect(order).toEqual(['inner x,y', 'then z', 'outer']);
  });

  it('hands on what a submission and a subtask give', async () => {
    await using mill = await fixture();
    const given = await runCombine(async () => {
      const got: unknown[] = [];
      await waitgroup(async (wg) => {
        got.push(String(await wg.submit(undefined, 'echo', 'a').result), await wg.startSubtask(() => 7).result);
      });
      return got;
    }, mill.options);
    expect(given).toEqual(['a', 7]);
  });

  it('throws the first failure once, says where it was submitted, and cancels the rest', async () => {
    await using mill = await fixture();
    Fixture.aborted = [];
    const caught: unknown[] = [];
    let afterwards = '';
    await runCombine(async () => {
      try {
        await waitgroup((wg) => {
          wg.submit(undefined, 'waits', 'a job');
          wg.startSubtask(() => waitgroup((inner) => inner.submit(undefined, 'waits', 'a job of a subtask')));
          submitsWhatThrows(wg);
          wg.startSubtask(async () => {
            await new Promise((resolve) => wg.signal.addEventListener('abort', resolve, { once: true }));
            throw new Error('a second failure');
          });
        });
      } catch (error) {
        caught.push(error);
      }
      afterwards = String(await exec1(undefined, 'echo', 'goes on'));
    }, mill.options);
    expect(caught).toHaveLength(1);
    const [error] = caught as [JobError];
    expect(error).toBeInstanceOf(JobError);
    expect(error).toMatchObject({ code: 'function-threw', function: 'throws', message: expect.stringContaining('cannot: one') as unknown });
    expect(error.stack).toMatch(/submitsWhatThrows.*combine\.test\.ts/);
    expect(error.remoteStack).toContain('throws');
    expect(afterwards).toBe('goes on');
    await expect.poll(() => [...Fixture.aborted].sort()).toEqual(['a job', 'a job of a subtask']);
  });

  it('fails with what its body throws, after everything in it has ended', async () => {
    await using mill = await fixture();
    let ended = false;
    const run = runCombine(
      () =>
        waitgroup((wg) => {
          wg.startSubtask(async () => {
            await new Promise((resolve) => wg.signal.addEventListener('abort', resolve, { once: true }));
            await Promise.resolve();
            ended = true;
          });
          throw new Error('the body');
        }),
      mill.options,
    );
    await expect(run).rejects.toThrow(/^the body$/);
    expect(ended).toBe(true);
  });

  it('takes nothing more when it has ended', async () => {
    await using mill = await fixture();
    await runCombine(async () => {
      let leaked: Parameters<Parameters<typeof waitgroup>[0]>[0] | undefined;
      await waitgroup((wg) => void (leaked = wg));
      expect(() => leaked?.submit(undefined, 'echo', '')).toThrow(/^submit: this waitgroup has ended/);
      expect(() => leaked?.startSubtask(() => 1)).toThrow(/^startSubtask: this waitgroup has ended/);
    }, mill.options);
  });

  it('waits for what was begun in it and that nobody waits for', async () => {
    await using mill = await fixture();
    const ended: string[] = [];
    await runCombine(() => {
      void exec1(undefined, 'slowly', '30 job').then((result) => ended.push(String(result)));
      void waitgroup((wg) => void wg.submit(undefined, 'slowly', '60 group')).then(([result]) => ended.push(String(result)));
    }, mill.options);
    await Promise.resolve();
    expect(ended).toEqual(['job', 'group']);
  });

  it('is refused when too many are open', async () => {
    await using mill = await fixture();
    const nest = (depth: number): Promise<unknown> => (depth === 0 ? Promise.resolve() : waitgroup(() => nest(depth - 1)));
    const options = { ...mill.options, maxGroups: 10 };
    await runCombine(() => nest(9), options);
    await expect(runCombine(() => nest(10), options)).rejects.toThrow('waitgroup: 10 groups are open, at most 10 may be (maxGroups)');
  });

  it('holds thousands of jobs', async () => {
    await using mill = await fixture();
    const results = await runCombine(
      () =>
        waitgroup((wg) => {
          for (let i = 0; i < 2_000; i += 1) wg.submit(undefined, 'echo', String(i));
        }),
      mill.options,
    );
    expect(texts(results)).toEqual(Array.from({ length: 2_000 }, (_, i) => String(i)));
  });
});

describe('runCombine', () => {
  it('gives what main returns, or what several return, side by side', async () => {
    await using mill = await fixture();
    expect(await runCombine(() => 'one', mill.options)).toBe('one');
    expect(await runCombine([async () => String(await exec1(undefined, 'slowly', '20 a')), () => 2], mill.options)).toEqual(['a', 2]);
    expect(await runCombine([], mill.options)).toEqual([]);
  });

  it('cancels the others when one of several fails', async () => {
    await using mill = await fixture();
    Fixture.aborted = [];
    const run = runCombine([() => exec1(undefined, 'waits', 'other'), () => exec1(undefined, 'throws', 'this')], mill.options);
    await expect(run).rejects.toMatchObject({ code: 'function-threw', function: 'throws' });
    await expect.poll(() => Fixture.aborted).toEqual(['other']);
  });

  it('is cancelled by its signal', async () => {
    await using mill = await fixture();
    const controller = new AbortController();
    const run = runCombine(() => exec1(undefined, 'waits', 'it'), { ...mill.options, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(run).rejects.toThrow('enough');
    await expect(runCombine(() => 1, { ...mill.options, signal: controller.signal })).rejects.toThrow('enough');
  });

  it('keeps two at once apart', async () => {
    await using mill = await fixture();
    await using other = await startMill(Fixture, { masterOptions: { name: 'other' } });
    const away = { address: other.master.address, transport: other.network.transport() };
    await other.client.set('there', 'key');
    const counts = async (): Promise<unknown> => {
      await waitgroup((wg) => wg.submit(undefined, 'echo', 'x'));
      return 1;
    };
    expect(await Promise.all([runCombine(counts, mill.options), runCombine(counts, away)])).toEqual([1, 1]);
  });

  it.each([
    [() => waitgroup(() => 1), /^waitgroup: expected to be called within runCombine/],
    [() => exec1(undefined, 'echo', ''), /^exec1: expected to be called within runCombine/],
    [() => runCombine(7 as never, { address: 'tcp://127.0.0.1:1' }), /^runCombine: expected a function, or an array of functions, got 7/],
    [() => runCombine(() => 1, { adress: 'x' } as never), /^runCombine: unknown option 'adress'/],
    [() => runCombine(() => 1, { address: 'x' }), /address/],
  ])('says what is wrong: %s', async (run, message) => {
    await expect(run()).rejects.toThrow(message);
  });
});

function submitsWhatThrows(wg: { submit: (resources: undefined, name: string, payload: string) => unknown }): void {
  wg.submit(undefined, 'throws', 'one');
}
