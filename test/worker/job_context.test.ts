import { EventEmitter } from 'node:events';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { jobContext, type JobContext, Worker } from '../../src/index.ts';
import { startMill } from '../../src/testing/index.ts';
import { collect } from '../integration/helpers.ts';

/** What somebody far below knows of the job: nothing was handed down. */
function below(): string {
  return `${jobContext().index}`;
}

async function farBelow(): Promise<string> {
  await setTimeout(1);
  return await Promise.resolve().then(below);
}

class Deep extends Worker {
  sync(): string {
    return below();
  }

  async later(): Promise<string> {
    await setImmediate();
    return await farBelow();
  }

  same(_: Buffer, job: JobContext): string {
    return String(jobContext() === job);
  }

  event(): Promise<string> {
    const emitter = new EventEmitter();
    const heard = new Promise<string>((resolve) => emitter.once('ground', () => resolve(below())));
    void setTimeout(2).then(() => emitter.emit('ground'));
    return heard;
  }

  *many(): Generator<string> {
    try {
      for (let i = 0; i < 3; i += 1) yield below();
    } finally {
      below();
    }
  }

  async *manyLater(): AsyncGenerator<string> {
    for (let i = 0; i < 3; i += 1) {
      const before = below();
      await setTimeout(i);
      yield `${before}${await farBelow()}`;
    }
  }

  async calls(_: Buffer, job: JobContext): Promise<string> {
    await job.call('sync', 'x');
    return below();
  }
}

describe('jobContext()', () => {
  it('is the context of the function that called, whatever lies between, with many at a time', async () => {
    await using mill = await startMill(Deep, { slots: 8 });
    const items = Array.from({ length: 200 }, (_, i) => `${i}`);
    for (const name of ['sync', 'later', 'event', 'calls'] as const) {
      const results = await collect(mill.client.job(name, items, { ordered: true }));
      expect(results.map(String)).toEqual(items);
    }
    const many = await collect(mill.client.job('many', items, { ordered: true }));
    expect(many.map(String)).toEqual(items.flatMap((item) => [item, item, item]));
    const later = await collect(mill.client.job('manyLater', items, { ordered: true }));
    expect(later.map(String)).toEqual(items.flatMap((item) => [item + item, item + item, item + item]));
  });

  it('is what the function was given', async () => {
    await using mill = await startMill(Deep);
    expect(String(await mill.client.call('same', ''))).toBe('true');
  });

  it('is an error elsewhere', () => {
    expect(jobContext).toThrow(new Error("jobContext: expected to be called from within a worker's function, or from what that calls"));
  });
});
