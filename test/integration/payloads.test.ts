import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { clientOf, collect, jobErrorOf, thrownBy } from './helpers.ts';
import { startCluster } from './processes.ts';

const KiB = 1_024;
const MiB = 1_048_576;
const SIZES = [0, 1, 16 * KiB, 16 * KiB + 1, 64 * KiB + 1, MiB, MiB + 1, 4 * MiB, 20 * MiB];

describe.each(['leastLoaded', 'roundRobin'] as const)('with %s', (policy) => {
  it('payloads of any size come back byte for byte', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster({ workers: 2, policy });
    const client = clientOf(cluster);
    const payloads = SIZES.map((size) => randomBytes(size));
    for (const payload of payloads) expect((await client.call('echo', payload)).equals(payload), `${payload.length} bytes`).toBe(true);
    const results = await collect(client.job('echo', payloads, { ordered: true }));
    expect(results.map((result, i) => result.equals(payloads[i] as Buffer))).toEqual(SIZES.map(() => true));
  });

  it('small and large ones mixed come back byte for byte', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster({ workers: 2, policy });
    const sizes = Array.from({ length: 600 }, (_, i) => (i % 50 === 7 ? MiB + i : i % 9 === 0 ? 20 * KiB + i : i % 300));
    const payloads = sizes.map((size) => randomBytes(size));
    const settled = await collect(clientOf(cluster).job('echo', payloads, { settle: true }));
    const right = settled.filter((one) => one.status === 'fulfilled' && one.value.equals(payloads[one.job.index] as Buffer));
    expect(right).toHaveLength(600);
    expect(new Set(settled.map((one) => one.job.index)).size).toBe(600);
  });
});

describe('maxMessageBytes', () => {
  it('lets exactly so many through: 64 MiB unless told otherwise', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster();
    const client = clientOf(cluster);
    const payload = Buffer.alloc(64 * MiB, randomBytes(4_099));
    expect((await client.call('echo', payload)).equals(payload)).toBe(true);
    const error = await thrownBy(client.call('echo', Buffer.alloc(64 * MiB + 1)));
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toMatch(/67108865\b.*maxMessageBytes \(67108864\)/);
  });

  it('of the client or the master, whichever is less, is refused at the client with both sizes, and nothing else is disturbed', async () => {
    await using cluster = await startCluster({ options: { maxMessageBytes: 1_000 } });
    for (const [client, limit] of [
      [clientOf(cluster), 1_000],
      [clientOf(cluster, { maxMessageBytes: 100 }), 100],
      [clientOf(cluster, { maxMessageBytes: 5_000 }), 1_000],
    ] as const) {
      expect((await client.call('echo', Buffer.alloc(limit))).length).toBe(limit);
      const refused = [
        client.call('echo', Buffer.alloc(limit + 1)),
        client.set(Buffer.alloc(limit + 1)),
        collect(client.job('echo', ['x', Buffer.alloc(limit + 1)])),
      ];
      for (const error of await Promise.all(refused.map(thrownBy))) {
        expect(error).toBeInstanceOf(RangeError);
        expect((error as Error).message).toContain(`${limit + 1} bytes`);
        expect((error as Error).message).toContain(`maxMessageBytes (${limit})`);
      }
      expect(await client.status()).toMatchObject({ rejected: {} });
    }
  });

  it('of a master that is less than the client knows when it sends the first: the job fails, with both sizes', async () => {
    await using cluster = await startCluster({ options: { maxMessageBytes: 1_000 } });
    // Begun before the welcome has told the limit.
    const error = await thrownBy(clientOf(cluster).call('echo', Buffer.alloc(1_001)));
    expect((error as Error).message).toContain('1001');
    expect((error as Error).message).toContain('1000');
  });

  it('holds for results, too: a larger one is a bad-result', async () => {
    await using cluster = await startCluster({ options: { maxMessageBytes: 1_000 } });
    const client = clientOf(cluster);
    expect(await client.call('zeros', '1000')).toEqual(Buffer.alloc(1_000));
    const error = await jobErrorOf(client.call('zeros', '1001'), 'bad-result');
    expect(error.message).toContain('1001');
    expect(error.message).toContain('1000');
    expect(await client.call('zeros', '5')).toEqual(Buffer.alloc(5));
  });
});

describe('results', () => {
  it('larger than the window of results come through, one at a time, and with others', { timeout: 60_000 }, async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    const sizes = [20 * MiB, 5, 17 * MiB, 40 * MiB, 0, 16 * MiB, 3];
    const results = await collect(client.job('zeros', sizes.map(String), { ordered: true }));
    expect(results.map((result) => result.length)).toEqual(sizes);
  });

  it('of many megabytes are held back while nobody takes them, and other streams go on', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    const slow = client.job(
      'zeros',
      Array.from({ length: 200 }, () => String(MiB)),
    );
    expect((await slow.next()).value).toHaveLength(MiB);
    for (let i = 0; i < 50; i += 1) expect(String(await client.call('echo', `${i}`))).toBe(`${i}`);
    const [stream] = (await client.status())['streams'] as { jobs: number; ended: number }[];
    // 16 MiB may be on their way to the consumer, and one for each worker beyond.
    expect(stream?.ended).toBeLessThanOrEqual(20);
    expect(await collect(slow)).toHaveLength(199);
  });

  it('of a generator that yields a hundred thousand are held back while nobody takes them', async () => {
    await using cluster = await startCluster({ workers: 1 });
    const client = clientOf(cluster);
    const endless = client.job('count', ['100000000']);
    expect(String((await endless.next()).value)).toBe('0');
    expect(String(await client.call('echo', 'beside it'))).toBe('beside it');
    let taken = 1;
    for await (const result of endless) {
      expect(String(result)).toBe(`${taken}`);
      taken += 1;
      if (taken === 20_000) break;
    }
    expect(String(await client.call('echo', 'after it'))).toBe('after it');
  });
});
