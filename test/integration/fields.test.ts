import { describe, expect, it } from 'vitest';
import { clientOf, texts } from './helpers.ts';
import { type ClusterOptions, startCluster } from './processes.ts';

/** All that a field can hold. */
const wants = {
  cores: 3,
  memory: 2.5,
  node: { cores: 4, memory: 16 },
  walltime: { soft: 60, hard: 90 },
  token: ['gpu', 'licence \u0000 ü'],
  capacity: 7,
  none: null,
  own: { nested: [{ deep: [1, [2, [true, false, 'x'.repeat(1_000)]]] }], negative: -1.5e-9, large: Number.MAX_SAFE_INTEGER },
};
const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const fields = { wants, deadline: 4_102_444_800_000, traceparent, unheardOf: { of: ['tomorrow', 1, {}] } };

const ways: [string, ClusterOptions][] = [
  ['leastLoaded', {}],
  ['roundRobin', { policy: 'roundRobin' }],
  ['a master with scatter and gather', { master: 'scattering' }],
];

describe.each(ways)('with %s, fields survive every hop to the context of the job', (_, options) => {
  it('those of a stream and of a call', async () => {
    await using cluster = await startCluster({ workers: 2, ...options });
    const client = clientOf(cluster, { name: 'fielding' });
    const stream = client.job('context', ['a', 'b', 'c'], { fields, ordered: true });
    const contexts = (await texts(stream)).filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as object);
    expect(contexts).toHaveLength(3);
    for (const [index, context] of contexts.entries()) {
      expect(context).toEqual({
        id: `${stream.id}/${index}`,
        stream: stream.id,
        client: 'fielding',
        index,
        part: 0,
        attempt: 1,
        function: 'context',
        deadline: fields.deadline,
        resources: {},
        fields,
        aborted: false,
      });
    }
  });

  it('those of a job, on top of the stream’s', async () => {
    await using cluster = await startCluster({ workers: 2, ...options });
    const own = { wants: { cores: 1 }, traceparent: undefined, another: 'one' };
    const items = ['a', { payload: 'b', fields: own }, { payload: 'c' }, { payload: 'd', fields: {} }, { payload: 'e', fields }];
    const results = await texts(clientOf(cluster).job('context', items, { fields, ordered: true }));
    const contexts = results.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text) as { fields: unknown; index: number });
    expect(contexts.map((context) => context.index)).toEqual([0, 1, 2, 3, 4]);
    expect(contexts.map((context) => context.fields)).toEqual([
      fields,
      { ...fields, wants: { cores: 1 }, another: 'one' },
      fields,
      fields,
      fields,
    ]);
  });
});

describe('a job without fields', () => {
  it('has none in its context', async () => {
    await using cluster = await startCluster();
    const context = JSON.parse(String(await clientOf(cluster).call('context', 'x'))) as object;
    expect(context).toMatchObject({ resources: {}, fields: {} });
    expect(context).not.toHaveProperty('deadline');
    const called = JSON.parse(String(await clientOf(cluster).call('context', 'x', { fields }))) as object;
    expect(called).toMatchObject({ fields, index: 0, attempt: 1 });
  });

  it('and fields that are longer than any small payload come with a small payload', async () => {
    await using cluster = await startCluster();
    const note = 'x'.repeat(200_000);
    const context = JSON.parse(String(await clientOf(cluster).call('context', 'x', { fields: { note } }))) as object;
    expect(context).toMatchObject({ fields: { note } });
  });

  it.each([
    ['20,000 bytes each', 600, 20_000],
    ['131,072 bytes each', 100, 131_072],
    ['as many as they may have', 30, 262_000],
  ])('and many jobs with long fields pass, with %s, beside a call with as many', { timeout: 60_000 }, async (_, count, bytes) => {
    await using cluster = await startCluster({ workers: 2 });
    const client = clientOf(cluster);
    const note = 'x'.repeat(bytes);
    const items = Array.from({ length: count }, (__, i) => ({ payload: `${i}`, fields: { note, i } }));
    const call = client.call('context', 'x', { fields: { note } });
    const contexts = await texts(client.job('context', items, { ordered: true, fields: { of: note } }));
    expect(contexts.map((text) => (JSON.parse(text) as { fields: object }).fields)).toEqual(
      items.map((item) => ({ of: note, ...item.fields })),
    );
    expect(JSON.parse(String(await call))).toMatchObject({ fields: { note } });
  });

  it('and calls of many clients with long fields wait for a worker, and all go to it', async () => {
    await using cluster = await startCluster({ workers: 0 });
    const note = 'x'.repeat(262_000);
    const clients = Array.from({ length: 8 }, () => clientOf(cluster));
    const calls = clients.flatMap((client) => [1, 2, 3, 4].map(() => client.call('context', 'x', { fields: { note } })));
    // What a client says first comes first.
    const all = await Promise.all(clients.map((client) => client.status()));
    expect(Math.max(...all.map(({ streams }) => (streams as unknown[]).length))).toBe(32);
    cluster.startWorker();
    for (const context of await Promise.all(calls)) expect(JSON.parse(String(context))).toMatchObject({ fields: { note } });
  });

  it('and fields of thousands of different jobs are not mixed up', async () => {
    await using cluster = await startCluster({ workers: 2 });
    const items = Array.from({ length: 3_000 }, (_, i) => ({ payload: `${i}`, fields: { wants: { cores: i % 5 }, number: i } }));
    const contexts = await texts(clientOf(cluster).job('context', items, { ordered: true }));
    expect(contexts.map((text) => (JSON.parse(text) as { fields: object }).fields)).toEqual(items.map((item) => item.fields));
  });
});
