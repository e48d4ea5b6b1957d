import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gristmill, type Mill, startMill } from './command.ts';

describe('gristmill cache', () => {
  let mill: Mill;
  beforeAll(async () => {
    mill = await startMill(0);
  });
  afterAll(() => mill[Symbol.asyncDispose]());

  it('sets, gets and deletes a value', async () => {
    expect(await mill.ask(['cache', 'set', 'greeting', 'hello'])).toMatchObject({ code: 0, out: '', err: '' });
    expect(await mill.ask(['cache', 'get', 'greeting'])).toMatchObject({ code: 0, out: 'hello', err: '' });
    expect(await mill.ask(['cache', 'delete', 'greeting'])).toMatchObject({ code: 0, out: '', err: '' });
    expect(await mill.ask(['cache', 'get', 'greeting'])).toMatchObject({ code: 1, out: '', err: 'gristmill: no such key: greeting\n' });
    expect(await mill.ask(['cache', 'delete', 'greeting'])).toMatchObject({ code: 1, err: 'gristmill: no such key: greeting\n' });
  });

  it('takes a value from stdin, byte by byte', async () => {
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
    for (const args of [[], ['-']]) {
      expect(await mill.ask(['cache', 'set', 'bytes', ...args], bytes)).toMatchObject({ code: 0, err: '' });
      expect((await mill.ask(['cache', 'get', 'bytes'])).bytes.equals(bytes)).toBe(true);
    }
  });

  it('knows empty values, and keys and values that look like numbers', async () => {
    expect(await mill.ask(['cache', 'set', 'empty', ''])).toMatchObject({ code: 0 });
    expect(await mill.ask(['cache', 'get', 'empty'])).toMatchObject({ code: 0, out: '', err: '' });
    expect(await mill.ask(['cache', 'set', '007', '1e3'])).toMatchObject({ code: 0 });
    expect(await mill.ask(['cache', 'get', '007'])).toMatchObject({ code: 0, out: '1e3' });
    expect(await mill.ask(['cache', 'get', '7'])).toMatchObject({ code: 1 });
  });

  it('takes for a key or a value whatever comes after --', async () => {
    const ask = (...args: readonly string[]) => gristmill(['cache', '--address', mill.address, ...args]);
    expect(await ask('set', '--', '-key', '--json')).toMatchObject({ code: 0, err: '' });
    expect(await ask('set', 'key', '--', '-value')).toMatchObject({ code: 0, err: '' });
    expect(await ask('get', '--', '-key')).toMatchObject({ code: 0, out: '--json', err: '' });
    expect(await ask('get', '--', 'key')).toMatchObject({ code: 0, out: '-value', err: '' });
    expect(await ask('get', '--', '--', '-')).toMatchObject({ code: 2, err: expect.stringContaining("takes a key and no value, got '-'") });
  });

  it('gives up when there is no master within the time-out', async () => {
    const outcome = await gristmill(['cache', 'get', 'key', '-a', 'ipc:///tmp/gristmill-nobody', '-t', '0.2']);
    expect(outcome).toMatchObject({ code: 3, out: '' });
  });
});
