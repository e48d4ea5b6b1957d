import { describe, expect, it } from 'vitest';
import { Client } from '../../src/client/client.ts';
import type { Logger } from '../../src/common/logger.ts';
import { ConnectError } from '../../src/errors.ts';
import { MAGIC } from '../../src/protocol/messages.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { FakeMaster } from './fake_master.ts';
import { ADDRESS, all, numbers, world } from './world.ts';

/** A logger that keeps its lines, and tells of the first. */
function listener(): { lines: string[]; logger: Logger; first: Promise<void> } {
  const lines: string[] = [];
  let heard: () => void = () => undefined;
  const first = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const log = (line: string): void => {
    lines.push(line);
    heard();
  };
  return { lines, logger: { info: log, warn: log, error: log }, first };
}

describe('a call', () => {
  it('resolves to the one result', async () => {
    await using w = await world();
    expect(String(await w.client.call('foo', 'a'))).toBe('a');
    expect(w.master.kinds()).toEqual(['open', 'end']);
  });

  it('rejects where there is none, or more than one', async () => {
    await using w = await world({ answer: ({ function: name }) => (name === 'none' ? [] : ['a', 'b', 'c']) });
    await expect(w.client.call('none', 'a')).rejects.toMatchObject({ code: 'result-count', message: expect.stringContaining('none') });
    await expect(w.client.call('many', 'a')).rejects.toMatchObject({ code: 'result-count', function: 'many' });
  });

  it('rejects with the error of the function, and with the reason of its signal', async () => {
    await using w = await world({ answer: ({ function: name }) => (name === 'bad' ? [{ message: 'bad' }] : undefined) });
    await expect(w.client.call('bad', 'a')).rejects.toMatchObject({ code: 'function-threw', message: 'bad' });
    const abort = new AbortController();
    const call = w.client.call('slow', 'a', { signal: abort.signal });
    abort.abort(new Error('stop'));
    await expect(call).rejects.toThrow('stop');
    await expect(w.client.call('slow', 'a', { signal: abort.signal })).rejects.toThrow('stop');
  });

  it('is one of many at a time', async () => {
    await using w = await world();
    const answers = await Promise.all(Array.from({ length: 1_000 }, (_, i) => w.client.call('foo', String(i))));
    expect(answers.map(String)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(i)));
  });
});

describe('the cache', () => {
  it('sets, gets and deletes; what is empty is a value, what is missing is undefined', async () => {
    await using w = await world();
    const key = await w.client.set('value');
    expect(String(await w.client.get(key))).toBe('value');
    expect(await w.client.set('', 'empty')).toBe('empty');
    expect(await w.client.get('empty')).toEqual(Buffer.alloc(0));
    expect(await w.client.delete('empty')).toBe(true);
    expect(await w.client.delete('empty')).toBe(false);
    expect(await w.client.get('empty')).toBeUndefined();
    await expect(w.client.set('123456789', 'refuse me')).rejects.toThrow(new RangeError('set: 9 bytes are over 8'));
    expect(await w.client.status()).toEqual({ name: 'fake' });
  });

  it('is asked by many at once', async () => {
    await using w = await world();
    await Promise.all(Array.from({ length: 200 }, (_, i) => w.client.set(String(i), `k${i}`)));
    const values = await Promise.all(Array.from({ length: 200 }, (_, i) => w.client.get(`k${i}`)));
    expect(values.map(String)).toEqual(Array.from({ length: 200 }, (_, i) => String(i)));
  });
});

describe('a connection', () => {
  const address = ADDRESS;

  it('that does not come is a ConnectError timeout, if asked for', async () => {
    const transport = { ...new MemoryNetwork().transport(), trouble: () => 'there is no such host' };
    await using client = new Client({ address, transport, logger: false, connectTimeoutMs: 20 });
    const closed = client.events.once('closed');
    const message = `${address}: no master answered within 20 ms: there is no such host`;
    await expect(client.call('foo', 'a')).rejects.toMatchObject({ code: 'timeout', address, message });
    await expect(client.get('a')).rejects.toBeInstanceOf(ConnectError);
    expect((await closed).error).toMatchObject({ code: 'timeout' });
  });

  it.each([
    ['one line', undefined, ''],
    ['what is wrong with the address', 'there is no such host', ': there is no such host'],
  ])('that takes a second is worth %s', async (_what, trouble, why) => {
    const transport = { ...new MemoryNetwork().transport(), trouble: () => trouble };
    const { lines, logger, first } = listener();
    await using client = new Client({ address: 'tcp://127.0.0.1:5555', transport, logger });
    expect(client.name).toMatch(/^client-/);
    await first;
    expect(lines).toEqual([`waiting for a master at tcp://127.0.0.1:5555${why}`]);
  });

  it('refused is a ConnectError refused, or version', async () => {
    for (const [refuse, code] of [
      ['role', 'refused'],
      ['version', 'version'],
    ] as const) {
      await using w = await world({ refuse });
      await expect(w.client.call('foo', 'a')).rejects.toMatchObject({ name: 'ConnectError', code });
    }
  });

  it('to something of another version is a ConnectError version', async () => {
    const transport = new MemoryNetwork().transport();
    const router = await transport.bindRouter(address, {
      message: (connection) => router.send(connection, [Buffer.from([MAGIC, 99, 2, 0])]),
      lost: () => undefined,
      rejected: () => undefined,
    });
    await using client = new Client({ address, transport, logger: false });
    await expect(client.call('foo', 'a')).rejects.toMatchObject({ code: 'version' });
  });

  it('that breaks loses nothing and doubles nothing', async () => {
    await using w = await world({ window: 200 });
    const seen: string[] = [];
    for await (const result of w.client.job('foo', numbers(3_000))) {
      seen.push(result.toString());
      if (seen.length % 500 === 0) w.network.cut();
    }
    expect(seen).toEqual(Array.from({ length: 3_000 }, (_, i) => String(i)));
    expect(w.master.hellos.length).toBeGreaterThan(1);
  });

  it('to a master that was started again goes on, with what was not settled', async () => {
    const network = new MemoryNetwork();
    const transport = network.transport();
    const first = await FakeMaster.start({ transport, answer: ({ index }) => (index % 2 === 0 ? ['a'] : undefined) });
    await using client = new Client({ address, transport, logger: false });
    const stream = client.job('foo', numbers(20), { settle: true });
    const seen = [];
    for (let i = 0; i < 10; i += 1) seen.push(((await stream.next()).value as { job: { index: number } }).job.index);
    await first.stop();
    const second = await FakeMaster.start({ transport, epoch: '00000000000000e2' });
    for await (const settled of stream) seen.push(settled.job.index);
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(second.jobs.map((job) => job.index)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    await second.stop();
  });

  it('tells its events, notices once each, and survives garbage', async () => {
    const { lines, logger } = listener();
    await using w = await world({}, { logger });
    await w.client.events.once('connected');
    const lost = w.client.events.once('disconnected');
    const again = w.client.events.once('connected');
    w.master.tell({ kind: 'notice', stream: 1, text: '10 jobs wait: no worker serves foo' });
    w.master.tell({ kind: 'notice', stream: 1, text: '10 jobs wait: no worker serves foo' });
    await w.client.status();
    w.master.shout([Buffer.from('HTTP/1.1 400 Bad Request')]);
    expect(String(await w.client.call('foo', 'a'))).toBe('a');
    w.network.cut();
    await lost;
    expect((await again).how).toBe('resumed');
    expect(lines.filter((line) => line.includes('no worker serves foo'))).toEqual(['10 jobs wait: no worker serves foo']);
    expect(lines.filter((line) => line.includes('rejected'))).toHaveLength(1);
  });

  it('tells the story of a job', async () => {
    await using w = await world({}, { historyLimit: Infinity, name: 'teller' });
    const stream = w.client.job('foo', numbers(100));
    await all(stream);
    const story = w.client.story(stream, 42);
    expect(story.join('\n')).toMatch(/"type":"pulled".*(.|\n)*"kind":"jobs"(.|\n)*"kind":"results"(.|\n)*"type":"deliver"/);
    expect(w.client.story(stream).length).toBeGreaterThan(story.length);
    expect(w.client.story('another/1', 0)).toEqual([]);
  });
});
