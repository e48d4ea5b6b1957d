import { expect, it } from 'vitest';
import { startMill } from '../../src/testing/index.ts';
import type { JobContext } from '../../src/worker/context.ts';
import { Worker } from '../../src/worker/worker.ts';

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

class Nesting extends Worker {
  async *outer(message: Buffer, job: JobContext): AsyncGenerator<Buffer> {
    for await (const result of job.job('inner', [`${message.toString()}a`, `${message.toString()}b`])) yield result;
  }

  #inner = 0;

  async inner(message: Buffer): Promise<Buffer> {
    this.#inner += 1;
    await turns(1);
    return message;
  }

  /** Says how many others began while it went on, after it had left a stream. */
  async goesOn(_message: Buffer, job: JobContext): Promise<string> {
    await this.leaves(Buffer.alloc(0), job);
    // Who began while it waited ends.
    await turns(100);
    const before = this.#inner;
    await turns(1_000);
    return `${this.#inner - before}`;
  }

  /** Leaves a stream whose source goes on waiting for something of its own. */
  async leaves(message: Buffer, job: JobContext): Promise<Buffer> {
    const source = async function* (): AsyncGenerator<string> {
      yield 'one';
      await new Promise(() => undefined);
    };
    for await (const _ of job.job('inner', source())) break;
    return message;
  }

  async depth(message: Buffer, job: JobContext): Promise<string> {
    const left = Number(message.toString());
    return left === 0 ? 'bottom' : `${left} ${(await job.call('depth', String(left - 1))).toString()}`;
  }
}

it('generators that yield what they stream from other functions all end, however many there are, on workers with one slot', async () => {
  await using mill = await startMill(Nesting, { workers: 2 });
  const names = Array.from({ length: 600 }, (_, i) => `${i}`);
  const got: string[] = [];
  for await (const result of mill.client.job('outer', names)) got.push(result.toString());
  expect(got.sort()).toEqual(names.flatMap((name) => [`${name}a`, `${name}b`]).sort());
});

it('calls nest far deeper than there are slots', async () => {
  await using mill = await startMill(Nesting, { workers: 1 });
  const calls = Array.from({ length: 20 }, () => mill.client.call('depth', '20'));
  for (const answer of await Promise.all(calls)) expect(answer.toString().endsWith('2 1 bottom')).toBe(true);
});

it('who waits for a source to return lends its slot meanwhile', async () => {
  await using mill = await startMill(Nesting, { workers: 1 });
  const ended: string[] = [];
  const leaving = mill.client.call('leaves', 'left').then((answer) => ended.push(String(answer)));
  while (ended.length < 3) ended.push(String(await mill.client.call('inner', 'x')));
  expect(ended).toEqual(['x', 'x', 'x']);
  await leaving;
  expect(ended.at(-1)).toBe('left');
});

it('who has left a stream has its slot to itself again', async () => {
  await using mill = await startMill(Nesting, { workers: 1 });
  const others: string[] = [];
  const leaving = mill.client.call('goesOn', '').then((answer) => others.push(String(answer)));
  while (others.length === 0) await mill.client.call('inner', 'x');
  await leaving;
  expect(others).toEqual(['0']);
});
