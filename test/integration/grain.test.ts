import { describe, expect, it } from 'vitest';
import { clientOf, collect, jobErrorOf, texts, thrownBy } from './helpers.ts';
import { startCluster } from './processes.ts';

interface Run {
  readonly worker: string;
  readonly resources: { readonly cores: readonly number[]; readonly memoryGb?: number };
  readonly from: string;
  readonly to: string;
}

/** Whether no two runs of a worker had the same core at the same time. */
function shareNothing(runs: readonly Run[]): boolean {
  return runs.every((one, at) =>
    runs.slice(at + 1).every((other) => {
      const together = one.worker === other.worker && BigInt(one.from) < BigInt(other.to) && BigInt(other.from) < BigInt(one.to);
      return !together || !one.resources.cores.some((core) => other.resources.cores.includes(core));
    }),
  );
}

describe('with grain(), jobs that ask for resources', () => {
  it('get what they asked for, as an identity for each core, and share it with nobody', async () => {
    await using cluster = await startCluster({ policy: 'grain', workers: 2, resources: { cores: [1, 3, 5, 7], memoryGb: 8 } });
    const sizes = [1, 2, 3, 4, 1, 2, 3, 4, 2, 1, 1, 4];
    const items = sizes.map((cores) => ({ payload: '20', resources: { cores, memoryGb: cores / 2 } }));
    const runs = (await texts(clientOf(cluster).job('busy', items, { ordered: true }))).map((text) => JSON.parse(text) as Run);
    expect(runs.map((run) => run.resources.cores.length)).toEqual(sizes);
    expect(runs.map((run) => run.resources.memoryGb)).toEqual(sizes.map((cores) => cores / 2));
    expect(runs.flatMap((run) => run.resources.cores).every((core) => [1, 3, 5, 7].includes(core))).toBe(true);
    expect(shareNothing(runs)).toBe(true);
  });

  it('run beside each other beyond the slots of their worker', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 4, memoryGb: 1 } });
    const stream = clientOf(cluster).job('busy', ['100', '100', '100', '100'], { resources: { cores: 1 } });
    const runs = (await texts(stream)).map((text) => JSON.parse(text) as Run);
    expect(new Set(runs.flatMap((run) => run.resources.cores))).toEqual(new Set([0, 1, 2, 3]));
    expect(runs.every((one) => runs.every((other) => BigInt(one.from) < BigInt(other.to)))).toBe(true);
  });

  it('say what they need in a call as well; one that asks for nothing has a slot, and nothing else', async () => {
    await using cluster = await startCluster({
      policy: 'grain',
      resources: { cores: 2, memoryGb: 4, token: ['gpu', 'fast'], capacity: 3 },
    });
    const client = clientOf(cluster);
    const resources = { cores: 1, memoryGb: 2.5, token: 'gpu', capacity: 2, walltime: '1:00:00', softWalltime: 3_000 };
    const context = JSON.parse(String(await client.call('context', 'x', { resources }))) as object;
    expect(context).toMatchObject({ resources: { ...resources, cores: [0], walltime: 3_600 } });
    expect(JSON.parse(String(await client.call('context', 'x')))).toMatchObject({ resources: {} });
  });

  it('are refused with a reason where they make no sense, and where nobody gives any', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 4 } });
    const client = clientOf(cluster);
    const unknown = await jobErrorOf(client.call('echo', 'x', { resources: { licences: 1 } }), 'unsatisfiable');
    expect(unknown.message).toBe(
      'echo: the job asks for licences: no such kind of resource is known here, only cores, memoryGb, walltime, token, capacity',
    );
    expect(await thrownBy(client.call('echo', 'x', { resources: { cores: 1.5 } }))).toEqual(
      new RangeError('call: resources.cores: expected a whole number from 1 to 65536, got 1.5'),
    );
    await using plain = await startCluster();
    const nobody = await jobErrorOf(clientOf(plain).call('echo', 'x', { resources: { cores: 1 } }), 'unsatisfiable');
    expect(nobody.message).toBe('echo: this master gives no resources: its policy is leastLoaded(), not grain()');
  });

  it('come again elsewhere when their worker is killed', async () => {
    await using cluster = await startCluster({ policy: 'grain', workers: 2, resources: { cores: 2, memoryGb: 4 } });
    const stream = clientOf(cluster).job(
      'busy',
      Array.from({ length: 8 }, () => '300'),
      { resources: { cores: 2 } },
    );
    const first = await stream.next();
    const { worker } = JSON.parse(String(first.value)) as Run;
    cluster.workers[worker === 'worker1' ? 1 : 0]?.kill('SIGKILL');
    const rest = (await collect(stream)).map((bytes) => JSON.parse(String(bytes)) as Run);
    expect(rest).toHaveLength(7);
    expect(shareNothing(rest)).toBe(true);
  });
});
