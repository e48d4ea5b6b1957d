/** Items with a signal of their own, from the source to the function and back. */
import { once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { Master, type JobContext, type JobItem, type Message, Worker } from '../../src/index.ts';
import { startMill } from '../../src/testing/index.ts';

type Signalled = JobItem<'echo' | 'half' | 'wait', AbortSignal>;

/** What happened in the functions, and who waits for it. */
class Diary {
  readonly lines: string[] = [];
  #waiting: { line: string; resolve: () => void }[] = [];

  write(line: string): void {
    this.lines.push(line);
    for (const wait of this.#waiting.splice(0)) {
      if (this.lines.includes(wait.line)) wait.resolve();
      else this.#waiting.push(wait);
    }
  }

  until(line: string): Promise<void> {
    if (this.lines.includes(line)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ line, resolve });
    });
  }
}

let diary = new Diary();

class Patient extends Worker {
  echo(message: Buffer): Buffer {
    diary.write(`ran ${message.toString()}`);
    return message;
  }

  /** Ends when its signal is aborted. */
  async wait(message: Buffer, job: JobContext): Promise<Buffer> {
    diary.write(`began ${message.toString()}`);
    await once(job.signal, 'abort');
    diary.write(`aborted ${message.toString()}`);
    return message;
  }

  /** One result at once, the other never. */
  async *half(message: Buffer, job: JobContext): AsyncGenerator<Buffer> {
    yield message;
    await once(job.signal, 'abort');
    diary.write(`aborted ${message.toString()}`);
    yield message;
  }

  /** Cancels the second of its own jobs when the first is there. */
  async nested(message: Buffer, job: JobContext): Promise<string> {
    const abort = new AbortController();
    const items: Signalled[] = [{ payload: message, function: 'half', signal: abort.signal }, { payload: 'b' }];
    let seen = '';
    for await (const one of job.job('echo', items, { settle: true })) {
      seen += one.status === 'fulfilled' ? one.value.toString() : String(one.reason);
      if (one.status === 'fulfilled' && one.job.index === 0) abort.abort('enough');
    }
    return seen;
  }
}

class Scattering extends Master {
  override *scatter(message: Message): Generator<Message> {
    for (let i = 0; i < 4; i += 1) yield message.with({ payload: `${message.payload.toString()}.${i}` });
  }
}

class Gathering extends Master {
  override *gather(message: Message): Generator<Message> {
    yield message;
  }
}

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

const texts = (results: readonly Buffer[]): string[] => results.map(String);

describe.each([
  ['a plain master', Master],
  ['a master that gathers', Gathering],
])('an item whose signal is aborted, with %s,', (_name, master) => {
  it('aborts the running function; the others are unharmed, and the stream ends by itself', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 2, master });
    const abort = new AbortController();
    const items: Signalled[] = [{ payload: 'a', function: 'wait', signal: abort.signal }, { payload: 'b' }, { payload: 'c' }];
    const results = collect(mill.client.job('echo', items));
    await diary.until('began a');
    await diary.until('ran c');
    abort.abort();
    expect(texts(await results).sort()).toEqual(['b', 'c']);
    await diary.until('aborted a');
    expect(texts(await collect(mill.client.job('echo', ['d', 'e'])))).toHaveLength(2);
  });

  it('never runs where it waits for a slot', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { master });
    const [running, waiting] = [new AbortController(), new AbortController()];
    const items: Signalled[] = [
      { payload: 'a', function: 'wait', signal: running.signal },
      { payload: 'b', signal: waiting.signal },
      { payload: 'c' },
    ];
    const results = collect(mill.client.job('echo', items));
    await diary.until('began a');
    waiting.abort();
    running.abort();
    expect(texts(await results)).toEqual(['c']);
    expect(diary.lines).not.toContain('ran b');
  });

  it('is rejected with the reason of its signal, where settling was asked for', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 2, master });
    const abort = new AbortController();
    const items: Signalled[] = [{ payload: 'a' }, { payload: 'b', key: 'mine', function: 'wait', signal: abort.signal }, { payload: 'c' }];
    const settled = collect(mill.client.job('echo', items, { settle: true, ordered: true }));
    await diary.until('began b');
    const reason = new Error('not needed any more');
    abort.abort(reason);
    const job = { index: 1, key: 'mine', part: 0, result: 0, function: 'wait', attempts: 0 };
    expect(await settled).toMatchObject([
      { status: 'fulfilled', job: { index: 0 } },
      { status: 'rejected', reason, job },
      { status: 'fulfilled', job: { index: 2 } },
    ]);
  });

  it('is not sent at all, where its signal was aborted before', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { master });
    const signal = AbortSignal.abort('too late');
    const items: Signalled[] = [{ payload: 'a', signal }, { payload: 'b' }, { payload: 'c', signal }];
    const settled = await collect(mill.client.job('echo', items, { settle: true, ordered: true }));
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value.toString() : one.reason))).toEqual(['too late', 'b', 'too late']);
    expect(texts(await collect(mill.client.job('echo', items)))).toEqual(['b']);
    expect(await collect(mill.client.job('echo', [items[0] as Signalled]))).toEqual([]);
    expect(diary.lines).toEqual(['ran b', 'ran b']);
    expect(await mill.client.status()).toMatchObject({ streams: [] });
  });
});

describe('a job that is cancelled', () => {
  it('keeps what it had delivered, and an ordered stream goes on past it', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 2 });
    const abort = new AbortController();
    const items: Signalled[] = [{ payload: 'a', function: 'half', signal: abort.signal }, { payload: 'b' }, { payload: 'c' }];
    const stream = mill.client.job('echo', items, { ordered: true });
    expect(String((await stream.next()).value)).toBe('a');
    const next = stream.next();
    await diary.until('ran c');
    abort.abort();
    expect(String((await next).value)).toBe('b');
    expect(texts(await collect(stream))).toEqual(['c']);
    await diary.until('aborted a');
  });

  it('takes all its parts with it, where the master scatters', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 2, master: Scattering });
    const abort = new AbortController();
    const items: Signalled[] = [{ payload: 'a', function: 'wait', signal: abort.signal }, { payload: 'b' }];
    const results = collect(mill.client.job('echo', items));
    await Promise.all([diary.until('began a.0'), diary.until('began a.1')]);
    abort.abort();
    expect(texts(await results).sort()).toEqual(['b.0', 'b.1', 'b.2', 'b.3']);
    await Promise.all([diary.until('aborted a.0'), diary.until('aborted a.1')]);
    expect(diary.lines.filter((line) => line.startsWith('began'))).toHaveLength(2);
    expect(await mill.client.status()).toMatchObject({ streams: [] });
  });

  it('may be one of a function of a worker', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 3 });
    expect(['abenough', 'baenough', 'aenoughb']).toContain(String(await mill.client.call('nested', 'a')));
    await diary.until('aborted a');
  });

  it('shares its signal with thousands, which has one listener until the last of them has ended', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 2 });
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, 'addEventListener');
    const removed = vi.spyOn(signal, 'removeEventListener');
    const items: Signalled[] = Array.from({ length: 3_000 }, (_, i) => ({ payload: `${i}`, signal }));
    const stream = mill.client.job('echo', items);
    expect((await stream.next()).done).toBe(false);
    expect(added.mock.calls.length - removed.mock.calls.length).toBeLessThanOrEqual(1);
    expect(await collect(stream)).toHaveLength(2_999);
    expect(added.mock.calls.length).toBe(removed.mock.calls.length);
  });

  it('lets go of its signal when it has ended, while its stream goes on', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient, { workers: 2 });
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    const abort = new AbortController();
    const items: Signalled[] = [
      { payload: 'a', signal },
      { payload: 'b', function: 'wait', signal: abort.signal },
    ];
    const stream = mill.client.job('echo', items);
    expect(String((await stream.next()).value)).toBe('a');
    expect(removed).toHaveBeenCalledTimes(1);
    abort.abort();
    expect((await stream.next()).done).toBe(true);
  });

  it('leaves no listener when its stream is left', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient);
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    const stream = mill.client.job('echo', [{ payload: 'a' }, { payload: 'b', function: 'wait', signal }] satisfies Signalled[]);
    await stream.next();
    expect(removed).not.toHaveBeenCalled();
    await stream.return?.();
    expect(removed).toHaveBeenCalledTimes(1);
  });

  it('may be cancelled together with thousands at once', async () => {
    diary = new Diary();
    await using mill = await startMill(Patient);
    const abort = new AbortController();
    async function* source(): AsyncGenerator<Signalled> {
      yield { payload: 'first', function: 'wait', signal: abort.signal };
      for (let i = 0; i < 2_000; i += 1) yield { payload: `${i}`, signal: abort.signal };
      await diary.until('began first');
      abort.abort('all of you');
      for (let i = 0; i < 2_000; i += 1) yield { payload: `late ${i}`, signal: abort.signal };
      yield { payload: 'last' };
    }
    const settled = await collect(mill.client.job('echo', source(), { settle: true }));
    expect(settled.filter((one) => one.status === 'rejected' && one.reason === 'all of you')).toHaveLength(4_001);
    expect(settled.filter((one) => one.status === 'fulfilled').map((one) => one.value.toString())).toEqual(['last']);
    expect(diary.lines).toEqual(['began first', 'aborted first', 'ran last']);
  });

  it('needs a signal that is one', async () => {
    await using mill = await startMill(Patient);
    const wrong = [{ payload: 'a', signal: new AbortController() }] as unknown as Signalled[];
    await expect(collect(mill.client.job('echo', wrong))).rejects.toThrow('job: item 0: signal: expected an AbortSignal, got an object');
  });
});
