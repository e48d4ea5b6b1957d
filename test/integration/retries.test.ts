import { expect, it } from 'vitest';
import { JobError } from '../../src/errors.ts';
import { startMill } from '../../src/testing/index.ts';
import type { JobContext } from '../../src/worker/context.ts';
import { Worker } from '../../src/worker/worker.ts';

class Moody extends Worker {
  /** Throws until the attempt that the message names. */
  moody(message: Buffer, job: JobContext): string {
    if (job.attempt < Number(message.toString())) throw new Error(`not in the mood at attempt ${job.attempt}`);
    return `done at attempt ${job.attempt}`;
  }

  /** Yields five, and breaks on the way until the third attempt. */
  *counts(_message: Buffer, job: JobContext): Generator<string> {
    for (let i = 0; i < 5; i += 1) {
      if (i === job.attempt + 1 && job.attempt < 3) throw new Error('broken');
      yield String(i);
    }
  }

  /** Waits until it is told to stop. */
  async waits(message: Buffer, job: JobContext): Promise<string> {
    await new Promise((resolve) => job.signal.addEventListener('abort', resolve, { once: true }));
    return `${message.toString()} stopped: ${(job.signal.reason as DOMException).name}`;
  }

  async quick(message: Buffer): Promise<Buffer> {
    return message;
  }
}

const RETRIES = { attempts: 3, minMs: 1, maxMs: 4 };

it('a function that throws is tried again as often as asked, and the result says at which attempt', async () => {
  await using mill = await startMill(Moody);
  const settled = [];
  for await (const one of mill.client.job('moody', ['1', '3', '9'], { retries: RETRIES, settle: true })) settled.push(one);
  const told = settled.map((one) =>
    one.status === 'fulfilled' ? [String(one.value), one.job.attempts] : [one.reason.code, one.job.attempts],
  );
  expect(told.sort((a, b) => Number(a[1]) - Number(b[1]))).toEqual([
    ['done at attempt 1', 1],
    ['done at attempt 3', 3],
    ['function-threw', 4],
  ]);
});

it('the master tells of each attempt that is tried again, and of the one that is not', async () => {
  await using mill = await startMill(Moody);
  const news: string[] = [];
  for (const name of ['jobRetried', 'jobFailed'] as const)
    mill.master.events.on(name, ({ job, function: called, code, worker, message, attempts }) => {
      news.push(`${name} ${job} ${called} ${code} ${worker} ${message} ${attempts}`);
    });
  const retries = { attempts: 2, minMs: 0 };
  for await (const _ of mill.client.job('moody', ['1', '9'], { retries, settle: true, ordered: true }));
  expect(news).toEqual([
    'jobRetried 1 moody function-threw worker1 not in the mood at attempt 1 1',
    'jobRetried 1 moody function-threw worker1 not in the mood at attempt 2 2',
    'jobFailed 1 moody function-threw worker1 not in the mood at attempt 3 3',
  ]);
});

it('a job may ask for retries of its own', async () => {
  await using mill = await startMill(Moody);
  const results = mill.client.job('moody', [{ payload: '2', retries: RETRIES }, { payload: '2' }], { settle: true });
  const states = [];
  for await (const one of results) states.push([one.job.index, one.status]);
  expect(states.sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([
    [0, 'fulfilled'],
    [1, 'rejected'],
  ]);
});

it('what a generator yielded before it broke is delivered once', async () => {
  await using mill = await startMill(Moody);
  const values = [];
  for await (const value of mill.client.job('counts', ['x'], { retries: RETRIES })) values.push(value.toString());
  expect(values).toEqual(['0', '1', '2', '3', '4']);
});

it('an attempt that takes longer than timeoutMs fails with timed-out, is told by its signal, and its slot serves the next', async () => {
  await using mill = await startMill(Moody);
  const late = mill.client.call('waits', 'a', { timeoutMs: 20 });
  await expect(late).rejects.toMatchObject({ code: 'timed-out', function: 'waits', worker: 'worker1' });
  await expect(late).rejects.toBeInstanceOf(JobError);
  expect(String(await mill.client.call('quick', 'next', { timeoutMs: 1_000 }))).toBe('next');
});

it('a time-out is tried again only where that is asked for', async () => {
  await using mill = await startMill(Moody, { slots: 4 });
  const once = mill.client.call('waits', 'a', { timeoutMs: 10, retries: RETRIES });
  await expect(once).rejects.toMatchObject({ code: 'timed-out', attempts: 1 });
  const again = mill.client.call('waits', 'a', { timeoutMs: 10, retries: { ...RETRIES, on: ['timed-out'] } });
  await expect(again).rejects.toMatchObject({ code: 'timed-out', attempts: 4 });
});

it.each([
  [{ retries: -1 }, 'job: retries: expected a whole number from 0 to 1000, got -1'],
  [{ retries: { minMs: 5 } }, 'job: retries.attempts: expected a whole number, got undefined'],
  [{ retries: { attempts: 1, minMs: 1_000, maxMs: 1 } }, 'job: retries.maxMs: expected at least minMs, 1000, got 1'],
  [{ retries: { attempts: 1, factor: 0.5 } }, 'job: retries.factor: expected a number from 1 to 100, got 0.5'],
  [{ retries: { attempts: 1, on: ['boredom'] } }, 'job: retries.on: expected codes of JobError'],
  [{ retries: { attempts: 1, on: ['timed-out', 'boredom'] } }, 'not-replayable, cancelled), got "boredom"'],
  [{ retries: { attempts: 1, on: [undefined] } }, 'not-replayable, cancelled), got undefined'],
  [{ timeoutMs: 0 }, 'job: timeoutMs: expected a whole number from 1 to 86400000, got 0'],
])('%j is refused', async (options, text) => {
  await using mill = await startMill(Moody, { workers: 0 });
  expect(() => mill.client.job('moody', [], options as object)).toThrow(text);
});
