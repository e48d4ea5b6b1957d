import { describe, expect, it } from 'vitest';
import { clientOf, texts, thrownBy } from './helpers.ts';
import { startCluster } from './processes.ts';

describe('the cache', () => {
  it('takes empty values as values, and tells a missing key from them', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    expect(await client.get('missing')).toBeUndefined();
    expect(await client.delete('missing')).toBe(false);
    expect(await client.set('', 'empty')).toBe('empty');
    expect(await client.get('empty')).toEqual(Buffer.alloc(0));
    expect(await client.delete('empty')).toBe(true);
    expect(await client.delete('empty')).toBe(false);
    expect(await client.get('empty')).toBeUndefined();
  });

  it('makes a key where none is given, another one each time', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const keys = await Promise.all(Array.from({ length: 100 }, (_, i) => client.set(`value ${i}`)));
    expect(new Set(keys).size).toBe(100);
    expect((await Promise.all(keys.map((key) => client.get(key)))).map(String)).toEqual(keys.map((_, i) => `value ${i}`));
  });

  it('is one for all clients and workers', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const [one, two] = [clientOf(cluster), clientOf(cluster)];
    expect(String(await one.call('cached', 'key'))).toBe('missing');
    await one.set('first', 'key');
    expect(String(await two.get('key'))).toBe('first');
    expect(
      await texts(
        two.job(
          'cached',
          Array.from({ length: 20 }, () => 'key'),
        ),
      ),
    ).toEqual(Array.from({ length: 20 }, () => '<first>'));
    await two.set('second', 'key');
    expect(String(await one.call('cached', 'key'))).toBe('<second>');
    await two.delete('key');
    expect(String(await one.call('cached', 'key'))).toBe('missing');
    await one.set('', 'key');
    expect(String(await one.call('cached', 'key'))).toBe('<>');
  });

  it('takes keys that are names of objects, and values of any bytes', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    for (const key of ['__proto__', 'constructor', 'toString', 'a b', 'schlüssel', 'x'.repeat(1_024)]) {
      expect(await client.get(key)).toBeUndefined();
      await client.set(bytes, key);
      expect(await client.get(key)).toEqual(bytes);
      expect(await client.delete(key)).toBe(true);
    }
  });

  it('keeps a copy: neither what is set nor what was got can change it', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const value = Buffer.from('value');
    const done = client.set(value, 'key');
    value.fill(0);
    await done;
    const got = (await client.get('key')) as Buffer;
    expect(String(got)).toBe('value');
    got.fill(0);
    expect(String(await client.get('key'))).toBe('value');
  });

  it('lets the least recently used go at its bound, counts that, and says so', async () => {
    await using cluster = await startCluster({ workers: 0, options: { cache: { maxBytes: 3_000 } } });
    const client = clientOf(cluster);
    for (const key of ['a', 'b', 'c']) await client.set(Buffer.alloc(900), key);
    await client.get('a');
    await client.set(Buffer.alloc(900), 'd');
    expect(await client.get('b')).toBeUndefined();
    for (const key of ['a', 'c', 'd']) expect(await client.get(key)).toHaveLength(900);
    expect(await client.status()).toMatchObject({ cache: { entries: 3, bytes: 2_703, maxBytes: 3_000, evicted: 1 } });
    await cluster.master.printed(/^evicted {"key":"b","bytes":900}/);
  });

  it('refuses what can never fit with a RangeError that names both sizes, and keeps what it has', async () => {
    await using cluster = await startCluster({ workers: 0, options: { cache: { maxBytes: 1_000 } } });
    const client = clientOf(cluster);
    await client.set('kept', 'kept');
    const error = await thrownBy(client.set(Buffer.alloc(1_001), 'key'));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as RangeError).message).toMatch(/1004\b.*1000\b/);
    await expect(client.set(Buffer.alloc(998), 'key')).rejects.toThrow(RangeError);
    expect(await client.set(Buffer.alloc(989), 'key')).toBe('key');
    expect(String(await client.get('kept'))).toBe('kept');
  });

  it('lets a value go after its time', async () => {
    await using cluster = await startCluster({ workers: 0, options: { cache: { ttlMs: 1 } } });
    const client = clientOf(cluster);
    await client.set('value', 'key');
    await expect.poll(() => client.get('key')).toBeUndefined();
  });

  it('answers a thousand calls at once, more than may be unanswered', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.set(`value ${i}`, `key ${i}`)));
    const values = await Promise.all(Array.from({ length: 1_000 }, (_, i) => client.get(`key ${i}`)));
    expect(values.map(String)).toEqual(Array.from({ length: 1_000 }, (_, i) => `value ${i}`));
  });

  it('holds large values', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const client = clientOf(cluster);
    const value = Buffer.alloc(20_000_001, 'large');
    await client.set(value, 'large');
    expect(value.equals((await client.get('large')) as Buffer)).toBe(true);
  });
});
