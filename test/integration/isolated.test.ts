/** Isolated functions: real processes that block, crash and are killed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientOf, expectEach, jobErrorOf, jobs, texts, thrownBy, untilError } from './helpers.ts';
import { type Cluster, type Running, startCluster } from './processes.ts';

interface Isolated {
  readonly cluster: Cluster;
  readonly worker: Running;
}

async function start(
  slots = 1,
  options: Readonly<Record<string, unknown>> = {},
  policy: 'leastLoaded' | 'grain' = 'leastLoaded',
): Promise<Isolated> {
  const cluster = await startCluster({ workers: 0, options, policy });
  const worker = cluster.node('test/integration/fixtures/isolated.mjs', ['worker1', cluster.address, String(slots)]);
  await cluster.master.printed(/^workerJoined/);
  return { cluster, worker };
}

function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<void> {
  while (lives(pid)) await new Promise((resolve) => setImmediate(resolve));
}

/** The pid that a function has printed behind a word. */
async function printedPid(worker: Running, word: string): Promise<number> {
  const pattern = new RegExp(`^${word} (\\d+)$`, 'm');
  await worker.printed(pattern);
  return Number(pattern.exec(worker.out)?.[1]);
}

describe('an isolated function', () => {
  it('gives what any function gives: bytes, text, nothing, promises, errors, many', async () => {
    const { cluster } = await start(2);
    await using _ = cluster;
    const client = clientOf(cluster);
    expect(String(await client.call('foo', 'meal'))).toBe('worker1 processed meal 0 true');
    expectEach(await texts(client.job('later', jobs(300))), jobs(300));
    expect(await client.call('nothing', '')).toEqual(Buffer.alloc(0));
    const large = Buffer.alloc(5_000_000, 'grist');
    expect((await client.call('later', large)).equals(large)).toBe(true);
    expect((await jobErrorOf(client.call('wrong', ''), 'bad-result')).message).toContain('wrong returned 42');
    const thrown = await jobErrorOf(client.call('throws', ''), 'function-threw');
    expect(thrown.message).toBe('no good');
    expect(thrown.remoteStack).toContain('isolated.mjs');
    expect((await jobErrorOf(client.call('strange', ''), 'bad-result')).message).toContain('strange returned an object of class Object');
    expect(await texts(client.job('many', ['500']))).toEqual(Array.from({ length: 500 }, (__, i) => `${i}`));
    const { results, error } = await untilError(client.job('breaks', ['']));
    expect(results.map(String)).toEqual(['one']);
    expect((error as Error).message).toBe('broken');
  });

  it('that gives what cannot be sent fails, and neither its process nor its worker does', async () => {
    const { cluster } = await start();
    await using _ = cluster;
    const client = clientOf(cluster);
    const pid = String(await client.call('pid', ''));
    for (const name of ['circular', 'rejecting', 'module'])
      for (const how of ['returns', 'yields'] as const) {
        const { message } = await jobErrorOf(
          client.call(how, name),
          how === 'returns' && name === 'rejecting' ? 'function-threw' : 'bad-result',
        );
        expect(message).toMatch(
          how === 'returns' && name === 'rejecting' ? /^of nobody$/ : new RegExp(`^${how} ${how.slice(0, -1)}ed an object`),
        );
      }
    for (const [name, said] of [
      ['rejecting', 'threw an object of class Promise'],
      ['text', 'threw "oops"'],
    ] as const)
      expect((await jobErrorOf(client.call('throwsThing', name), 'function-threw')).message).toBe(said);
    expect(String(await client.call('sends', ''))).toBe('sent');
    expect(String(await client.call('finished', ''))).toBe('circular,rejecting,module');
    expect(String(await client.call('pid', ''))).toBe(pid);
  });

  it('that yields what is no result fails at once; if its way out does not end, its process does', async () => {
    const { cluster, worker } = await start();
    await using _ = cluster;
    const client = clientOf(cluster);
    for (const way of ['throws', 'never', 'spins', 'exits'])
      expect((await jobErrorOf(client.call('leaves', way), 'bad-result')).message).toMatch(/^leaves yielded 42; expected/);
    for (const way of ['never', 'spins', 'exits']) await gone(await printedPid(worker, `leaves-${way}`));
    expect(String(await client.call('pid', ''))).toMatch(/^\d+$/);
  });

  it('whose program says anything on its channel ends neither its worker nor the next job', async () => {
    const { cluster } = await start();
    await using _ = cluster;
    const client = clientOf(cluster);
    const error = { message: { toString: 5, valueOf: 5 }, name: 1, stack: [] };
    // As if it were a reply to the first order.
    const { message } = await jobErrorOf(client.call('says', JSON.stringify({ type: 'ended', error, to: 1 })), 'function-threw');
    expect(message).toBe('it said no message');
    for (const said of [
      { type: 'ended', bad: {}, to: 2 },
      { type: 'ended', error: 5, to: 3 },
      { type: 'ended', value: 'said' },
      { type: 'ask', question: 1, what: 'nothing' },
      { type: 5 },
      7,
    ])
      expect([said, String(await client.call('says', JSON.stringify(said)))]).toEqual([said, '']);
    for (const text of ['one', 'two']) expect(String(await client.call('early', text))).toBe(`${text} itself`);
    expect(String(await client.call('foo', 'next'))).toContain('processed next');
  });

  it('sees the cache, and can call others and run programs; it cannot stream jobs', async () => {
    const { cluster } = await start(2);
    await using _ = cluster;
    const client = clientOf(cluster);
    expect(String(await client.call('cached', 'meal'))).toBe('meal true undefined');
    expect(String(await client.call('calls', 'meal'))).toBe('<worker1 processed meal 0 true>');
    expect(String(await client.call('runs', 'echo $((6*7))'))).toBe('42\n');
    expect(String(await client.call('refused', '')).split('\n')).toEqual([
      'set: value: expected a Uint8Array or a string, got a Uint8Array whose memory is gone',
      'call: payload: expected a Uint8Array or a string, got a Uint8Array whose memory is gone',
      'set: value: expected a Uint8Array or a string, got a Uint8Array that has a length, or another such part, of its own',
      'call: payload: expected a Uint8Array or a string, got a Uint8Array that has a length, or another such part, of its own',
    ]);
    expect((await jobErrorOf(client.call('jobs', 'x'), 'function-threw')).message).toContain(
      'job.job: a function of a worker with isolate: true cannot',
    );
  });

  it('runs in a process that is used again, without a socket, and is gone with its worker', async () => {
    const { cluster, worker } = await start();
    await using _ = cluster;
    const client = clientOf(cluster);
    const [first, second, parent, threads] = await Promise.all(
      ['pid', 'pid', 'parent', 'threads'].map(async (name) => String(await client.call(name, ''))),
    );
    expect(second).toBe(first);
    expect(parent).toBe(String(worker.child.pid));
    expect(await texts(client.job('counts', jobs(3), { ordered: true }))).toEqual(['1', '2', '3']);
    expect(threads).not.toContain('ZMQ');
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    await gone(Number(first));
  });

  it('that blocks does not block its worker; too late, it is killed, and its slot is free', async () => {
    const { cluster, worker } = await start();
    await using _ = cluster;
    const client = clientOf(cluster);
    await jobErrorOf(client.call('blocks', '60000', { timeoutMs: 300 }), 'timed-out');
    const pid = await printedPid(worker, 'blocks');
    expect(String(await client.call('foo', 'next'))).toContain('processed next');
    await gone(pid);
  });

  it('that is cancelled is told, and killed if it does not end', async () => {
    const { cluster, worker } = await start();
    await using _ = cluster;
    const client = clientOf(cluster);
    const cancel = new AbortController();
    const waits = client.call('waits', '', { signal: cancel.signal });
    const told = await printedPid(worker, 'waits');
    cancel.abort();
    await thrownBy(waits);
    await worker.printed(/^told AbortError/);
    // It ended when it was told: its process is used again.
    expect(String(await client.call('pid', ''))).toBe(String(told));
    const deaf = new AbortController();
    const blocks = client.call('blocks', '60000', { signal: deaf.signal });
    const killed = await printedPid(worker, 'blocks');
    deaf.abort();
    await thrownBy(blocks);
    await gone(killed);
    expect(String(await client.call('foo', 'next'))).toContain('processed next');
  });

  it('a generator of which nobody wants more is ended', async () => {
    const { cluster, worker } = await start();
    await using _ = cluster;
    for await (const result of clientOf(cluster).job('many', ['1000000'])) if (String(result) === '10') break;
    await worker.printed(/^many is over/);
    expect(String(await clientOf(cluster).call('foo', 'next'))).toContain('processed next');
  });

  it.each(['exit', 'abort', 'throw'])(
    'that brings its process down (%s) fails after crashLimit processes; its worker goes on',
    async (how) => {
      const { cluster, worker } = await start(1, { crashLimit: 2 });
      await using _ = cluster;
      const client = clientOf(cluster);
      const error = await jobErrorOf(client.call('crashes', how), 'worker-lost');
      expect(error.message).toMatch(/^the process of an isolated function of worker worker1 (ended with exit code|was ended by) /);
      expect(error.attempts).toBe(2);
      expect(worker.count(/^crashes \d+$/)).toBe(2);
      expect(String(await client.call('foo', 'next'))).toContain('processed next');
      expect(cluster.master.out).not.toContain('workerLost');
    },
  );

  it('whose process is killed runs again in another; nothing is lost, nothing comes twice', async () => {
    const { cluster } = await start(2);
    await using _ = cluster;
    const client = clientOf(cluster);
    const pid = Number(String(await client.call('pid', '')));
    const results: string[] = [];
    for await (const result of client.job('later', jobs(150))) {
      results.push(String(result));
      if (results.length === 50) process.kill(pid, 'SIGKILL');
    }
    expectEach(results, jobs(150));
  });

  it('is pinned to the cores that it was given, all threads of its process', async () => {
    const { cluster } = await start(2, {}, 'grain');
    await using _ = cluster;
    const client = clientOf(cluster);
    const seen = await texts(client.job('cores', jobs(4), { resources: { cores: 1 } }));
    for (const text of seen) {
      const { lists, told, threads } = JSON.parse(text) as Record<'lists' | 'told' | 'threads', unknown>;
      expect(lists).toEqual([told]);
      expect(threads).toBe('1');
    }
    const program = String(
      await client.call('runs', 'echo $GRISTMILL_CORES; grep Cpus_allowed_list /proc/self/status', { resources: { cores: 1 } }),
    );
    expect(program).toMatch(/^(\d+)\nCpus_allowed_list:\t\1\n$/);
  });

  it('dies with its worker, even one that is killed, and even if it blocks', async () => {
    const { cluster, worker } = await start(1, { crashLimit: 1 });
    await using _ = cluster;
    const blocks = clientOf(cluster).call('blocks', '60000');
    const pid = await printedPid(worker, 'blocks');
    worker.kill('SIGKILL');
    await gone(pid);
    expect((await jobErrorOf(blocks, 'worker-lost')).worker).toBe('worker1');
  });
});

it('a program that does not start its worker when it is run again is found out at the start', async () => {
  await using cluster = await startCluster({ workers: 0 });
  const worker = cluster.node('test/integration/fixtures/not_again.mjs', [cluster.address]);
  expect((await worker.ended).code).toBe(1);
  expect(worker.err).toContain('the process of an isolated function of worker once ended with exit code 5');
});
