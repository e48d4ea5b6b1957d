import { describe, expect, it } from 'vitest';
import { Client, grain, type JobContext, type Kind, Master, Worker } from '../../src/index.ts';
import { clientOf, collect, jobErrorOf, jobs, texts, thrownBy } from './helpers.ts';
import { startCluster } from './processes.ts';

interface Run {
  readonly worker: string;
  readonly resources: { readonly cores: readonly number[]; readonly memoryGb?: number };
  readonly from: string;
  readonly to: string;
}

/** Named licences, each used by one at a time. */
const licences: Kind<number, readonly string[], readonly string[]> = {
  request(value, what) {
    if (typeof value !== 'number') throw new TypeError(`${what}: expected a number, got ${String(value)}`);
    return value;
  },
  offer: (value) => value as string[],
  take: (pool, count) => (count > pool.length ? undefined : { share: pool.slice(0, count), pool: pool.slice(count) }),
  giveBack: (pool, share) => [...pool, ...share].toSorted(),
  show: (share) => share,
};

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

describe('a walltime', () => {
  it('tells the function when it is nearly over, and ends the attempt when it is', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 1 } });
    const client = clientOf(cluster);
    const soft = { walltime: 30, softWalltime: 0.1 };
    expect(String(await client.call('works', 'x', { resources: soft }))).toBe('ended well: its softWalltime, 0.1 s, is over');
    const error = await jobErrorOf(client.call('works', 'on', { resources: { cores: 2, walltime: 0.1 } }), 'timed-out');
    expect(error.message).toBe('works took longer than its walltime, 0.1 s');
    expect(JSON.parse(String(await client.call('context', 'x', { resources: { cores: 2 } })))).toMatchObject({
      resources: { cores: [0, 1] },
    });
  });

  it('that is exceeded all the same keeps what it had until the function ends', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 1 } });
    const client = clientOf(cluster);
    await jobErrorOf(client.call('holds', 'x', { resources: { cores: 1, walltime: 0.1 } }), 'timed-out');
    expect(JSON.parse(String(await client.call('context', 'x', { resources: { cores: 1 } })))).toMatchObject({ resources: { cores: [1] } });
    const both = client.call('context', 'y', { resources: { cores: 2 } });
    const [worker] = cluster.workers;
    worker?.kill('SIGUSR1');
    expect(JSON.parse(String(await both))).toMatchObject({ resources: { cores: [0, 1] } });
  });
});

describe('a job that no worker could ever run', () => {
  it('delays nobody, is explained, and runs when such a worker comes', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 1 } });
    const client = clientOf(cluster);
    const large = client.call('echo', 'at last', { resources: { cores: 3, memoryGb: 0.5 } });
    expect(await texts(client.job('echo', jobs(20), { resources: { cores: 1 } }))).toHaveLength(20);
    const { waiting } = (await client.status()) as unknown as { waiting: { function: string; parts: number; why: string }[] };
    expect(waiting).toEqual([
      {
        function: 'echo',
        resources: { cores: 3, memoryGb: 0.5 },
        parts: 1,
        why: 'it asks for 3 cores, 0.5 GiB, which no worker here could ever give: closest is worker1, with cores 2, memoryGb 1, where 3 cores is missing',
      },
    ]);
    const fails = { resources: { token: ['gpu', 'fast'] }, unsatisfiable: 'fail' } as const;
    cluster.startWorker('other', { cores: 1, memoryGb: 1, token: ['gpu', 'large'] });
    await cluster.workers.at(-1)?.printed(/^welcomed/);
    expect((await jobErrorOf(client.call('echo', 'x', fails), 'unsatisfiable')).message).toMatch(
      /closest is other, with tokens gpu, large, where/,
    );
    cluster.startWorker('larger', { cores: 4, memoryGb: 1 });
    expect(String(await large)).toBe('at last');
  });

  it('fails at once if it is to, also when the last worker that could have run it leaves', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 1 } });
    const client = clientOf(cluster);
    const options = { resources: { cores: 3 }, unsatisfiable: 'fail' } as const;
    const error = await jobErrorOf(client.call('echo', 'x', options), 'unsatisfiable');
    expect(error.message).toMatch(/^echo: it asks for 3 cores, which no worker here could ever give: closest is worker1, with cores 2/);
    const larger = cluster.startWorker('larger', { cores: 3, memoryGb: 1 });
    await larger.printed(/^welcomed/);
    void client.call('holds', 'x', { resources: { cores: 3 } }).catch(() => undefined);
    await larger.printed(/^holds/);
    const waits = jobErrorOf(client.call('echo', 'x', options), 'unsatisfiable');
    larger.kill('SIGKILL');
    await waits;
  });
});

describe('the command', () => {
  it('says what runs where a job would fit best', async () => {
    await using cluster = await startCluster({ policy: 'grain', resources: { cores: 2, memoryGb: 1 } });
    const client = clientOf(cluster);
    const [worker] = cluster.workers;
    void client.call('holds', 'x', { resources: { cores: 2 } }).catch(() => undefined);
    await worker?.printed(/^holds/);
    const waits = client.call('echo', 'x', { resources: { cores: 1 } });
    const why =
      'it asks for 1 core and would fit best on worker1 (free: cores 0 of 2), where 1 core is missing; holds (2 cores) runs there';
    const explained = cluster.node('dist/cli/main.js', ['explain', '--address', cluster.address]);
    await explained.ended;
    expect(explained.out).toBe(`echo: 1 job waits: ${why}\n`);
    worker?.kill('SIGUSR1');
    await waits;
    const nothing = cluster.node('dist/cli/main.js', ['explain', '--address', cluster.address]);
    await nothing.ended;
    expect(nothing.out).toBe('nothing waits\n');
  });
});

describe('kinds of one’s own', () => {
  const broken = (): never => {
    throw new Error('no licence server');
  };

  it.each([
    ['take', { take: broken }, 'no licence server'],
    ['take', { take: () => 5 as never }, 'expected { pool, share } or undefined, got 5'],
    ['giveBack', { giveBack: broken }, 'no licence server'],
    ['show', { show: broken }, 'no licence server'],
    ['show', { show: () => broken }, 'expected plain data, got'],
    ['left', { left: broken }, 'no licence server'],
    ['left', { left: () => NaN }, 'expected a number, got NaN'],
    ['words', { words: broken }, 'no licence server'],
    ['has', { has: broken }, 'no licence server'],
  ])('of which %s fails are out of use, with a reason; everything else goes on (%#)', async (called, wrong, reason) => {
    const kinds = { licences: { ...licences, ...wrong } };
    await using master = new Master({ name: 'm', address: 'tcp://127.0.0.1:*', policy: grain({ kinds }), logger: false });
    await master.start();
    class Licensed extends Worker {
      echo(message: Buffer): Buffer {
        return message;
      }
    }
    const resources = { cores: 2, memoryGb: 1, licences: ['a', 'b'] };
    await using worker = new Licensed({ name: 'w', address: master.address, resources, logger: false });
    await worker.start();
    await using client = new Client({ address: master.address, logger: false });
    const waits = client.call('echo', 'x', { resources: { licences: 3 } }).catch((error: unknown) => error);
    await client.call('echo', 'x', { resources: { licences: 1 } }).catch(() => undefined);
    master.explain();
    const error = await jobErrorOf(client.call('echo', 'x', { resources: { licences: 2 } }), 'unsatisfiable');
    expect(error.message).toContain(`echo: the kind licences is out of use, its function ${called} failed: ${reason}`);
    expect(await waits).toMatchObject({ code: 'unsatisfiable' });
    expect(String(await client.call('echo', 'on', { resources: { cores: 2 } }))).toBe('on');
    expect(String(await client.call('echo', 'on'))).toBe('on');
  });

  it.each([
    ['a text', 'none of ours', 'threw "none of ours"'],
    ['what cannot be looked at', new Proxy({}, { get: broken, getPrototypeOf: broken }), 'threw something that cannot be looked at'],
  ])('that refuse a request or an offer by %s refuse that, and nothing else', async (_, what, text) => {
    const thrown: unknown = what;
    const refuse = (): never => {
      throw thrown;
    };
    const kinds = { strict: { ...licences, request: refuse }, closed: { ...licences, offer: refuse } };
    await using master = new Master({ name: 'm', address: 'tcp://127.0.0.1:*', policy: grain({ kinds }), logger: false });
    await master.start();
    class Licensed extends Worker {
      echo(message: Buffer): Buffer {
        return message;
      }
    }
    const common = { address: master.address, logger: false } as const;
    await using worker = new Licensed({ ...common, name: 'w', resources: { strict: ['a'] } });
    await worker.start();
    await using client = new Client(common);
    const error = await jobErrorOf(client.call('echo', 'x', { resources: { strict: 1 } }), 'unsatisfiable');
    expect(error.message).toContain(text);
    await using other = new Licensed({ ...common, name: 'other', resources: { closed: ['a'] } });
    expect((await thrownBy(other.start())) as Error).toMatchObject({ code: 'refused', message: expect.stringContaining(text) as string });
    expect(String(await client.call('echo', 'on'))).toBe('on');
  });

  it('are given and taken like the others', async () => {
    await using master = new Master({ name: 'm', address: 'tcp://127.0.0.1:*', policy: grain({ kinds: { licences } }), logger: false });
    await master.start();
    class Licensed extends Worker {
      busy(message: Buffer, job: JobContext): string {
        return `${message.toString()}: ${String(job.resources['licences'])}`;
      }
    }
    await using worker = new Licensed({ name: 'w', address: master.address, resources: { licences: ['a', 'b'] }, logger: false });
    await worker.start();
    await using client = new Client({ address: master.address, logger: false });
    expect(String(await client.call('busy', 'x', { resources: { licences: 1 } }))).toBe('x: a');
    const error = await jobErrorOf(client.call('busy', 'x', { resources: { licences: 'all' } }), 'unsatisfiable');
    expect(error.message).toBe('busy: resources.licences: expected a number, got all');
    expect(master.explain()).toEqual([]);
  });
});
