/** Results whose memory was transferred elsewhere before they were sent, of jobs that may be tried again. */
import { describe, expect, it } from 'vitest';
import { type Client, leastLoaded, roundRobin, type StreamOptions, Worker } from '../../src/index.ts';
import { startPlace, texts, transferred } from './helpers.ts';

/** Too large to be copied. */
function lost(): Uint8Array {
  const bytes = new Uint8Array(100_000);
  queueMicrotask(() => transferred(bytes));
  return bytes;
}

/** Loses what it gives, the first time. */
class Moody extends Worker {
  begun = 0;

  once(): Uint8Array | string {
    this.begun += 1;
    return this.begun === 1 ? lost() : 'well';
  }

  *steps(): Generator<Uint8Array | string> {
    yield this.once();
    yield 'two';
    yield 'three';
  }

  /** Loses what it gave the job before, once it is told to, in the turn in which both end. */
  step(message: Buffer): Uint8Array {
    const before = this.#last;
    this.#last = new Uint8Array(20_000);
    if (before !== undefined && String(message) === 'steals' && this.begun === 0) {
      this.begun += 1;
      transferred(before);
    }
    return this.#last;
  }

  #last: Uint8Array | undefined;

  /** Loses one of six, once it is told to: more than fits a message. Returns whether it was. */
  *six(): Generator<Uint8Array, boolean> {
    this.begun += 1;
    const { loses } = Moody;
    Moody.loses = false;
    const given = Array.from({ length: 6 }, () => new Uint8Array(700_000));
    for (const [at, bytes] of given.entries()) {
      if (loses && at === 3) transferred(given[2] as Uint8Array);
      yield bytes;
    }
    return loses;
  }

  *fails(): Generator<Uint8Array> {
    if (yield* this.six()) throw new Error('as it should');
  }

  static loses = false;

  echo(message: Buffer): Buffer {
    return message;
  }
}

/** One after the other, of which the last loses one: by then it has credit for all of its results, so many. Returns how many came in all. */
async function threeJobs(client: Client<Moody>, name: 'six' | 'fails', each: number, options: StreamOptions): Promise<number> {
  let results = 0;
  let ended = (): void => undefined;
  async function* source(): AsyncGenerator<string> {
    for (let i = 1; i <= 3; i += 1) {
      Moody.loses = i === 3;
      const all = new Promise<void>((resolve) => (ended = resolve));
      yield '';
      await all;
    }
  }
  for await (const _ of client.job(name, source(), options)) {
    results += 1;
    if (results % each === 0) ended();
  }
  return results;
}

/** With one worker, over sockets: only those push. */
describe.each([leastLoaded(), roundRobin()])('a lost result, with $name', (policy) => {
  const retries = { attempts: 1, minMs: 0, on: ['bad-result'] } as const;

  it('is given by another attempt, on the same worker, where its job allows that', async () => {
    await using place = await startPlace(Moody, policy);
    expect((await place.client.call('once', '', { retries })).toString()).toBe('well');
    expect(await texts(place.client.job('echo', ['a', 'b'], { ordered: true }))).toEqual(['a', 'b']);
    expect(place.worker.begun).toBe(2);
  });

  it('takes those behind it along: the next attempt begins anew', async () => {
    await using place = await startPlace(Moody, policy);
    expect(await texts(place.client.job('steps', [''], { retries }))).toEqual(['well', 'two', 'three']);
    expect(place.worker.begun).toBe(2);
  });

  it('takes along what other messages of the same turn hold of its part, but for its end', async () => {
    await using place = await startPlace(Moody, policy);
    expect(await threeJobs(place.client, 'six', 6, { retries })).toBe(18);
    expect(place.worker.begun).toBe(4);
    await expect.poll(() => place.client.status()).toMatchObject({ workers: [{ running: 0, abandoned: 0 }] });
    expect((await place.client.call('echo', 'a')).toString()).toBe('a');
  });

  it('that would have ended its part is given by another attempt, too', async () => {
    await using place = await startPlace(Moody, policy);
    let allCame = (): void => undefined;
    const came = new Promise<void>((resolve) => (allCame = resolve));
    async function* source(): AsyncGenerator<string> {
      for (let i = 0; i < 200; i += 1) yield '';
      await came;
      for (let i = 0; i < 10; i += 1) yield i === 3 ? 'steals' : '';
    }
    let results = 0;
    for await (const result of place.client.job('step', source(), { retries })) {
      expect(result).toHaveLength(20_000);
      results += 1;
      if (results === 200) allCame();
    }
    expect([results, place.worker.begun]).toEqual([210, 1]);
  });

  it('whose function fails in another message leaves its slot free', async () => {
    await using place = await startPlace(Moody, policy);
    const { client } = place;
    await using second = new Moody({ name: 'second', address: place.worker.address, logger: false });
    await second.start();
    const wanted = { retries: { attempts: 3, minMs: 0, on: ['bad-result', 'function-threw'] }, ordered: true } as const;
    expect(await threeJobs(client, 'fails', 6, wanted)).toBe(18);
    const free = { running: 0, abandoned: 0 };
    await expect.poll(() => client.status()).toMatchObject({ workers: [free, free] });
  });
});
