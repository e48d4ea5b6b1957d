import { describe, expect, it } from 'vitest';
import { freeAddress } from '../integration/ports.ts';
import { Running } from '../integration/processes.ts';
import { FIXTURES, gristmill, MAIN, Mill, startMill } from './command.ts';

/** `name pid slots` of whoever answers. */
async function who(mill: Mill): Promise<string[]> {
  return (await mill.ask(['job', 'who'])).out.trim().split(' ');
}

describe('gristmill worker', () => {
  it('runs so many processes of an exported class', async () => {
    await using mill = await startMill(0);
    const workers = mill.worker(['miller', '--count', '3', '--slots', '2']);
    await workers.printed(/^miller[123] is ready$/, 3);
    const status = JSON.parse((await mill.ask(['status', '--json'])).out) as { workers: { name: string; slots: number }[] };
    expect(status.workers.map(({ name, slots }) => `${name} ${slots}`).sort()).toEqual(['miller1 2', 'miller2 2', 'miller3 2']);
    workers.kill('SIGTERM');
    expect(await workers.ended).toEqual({ code: 0, signal: null });
    expect(workers.err).toBe('');
  });

  it.each([
    ['a program that starts its worker itself', 'program.mjs', 'miller is a program', 'SIGINT'],
    ['a program that exports classes as well', 'both.mjs', 'miller is both', 'SIGTERM'],
    ['an exported class whose module uses a pool', 'pooled.mjs', 'miller of an exported class: X done', 'SIGTERM'],
  ] as const)('runs one worker of %s', async (_what, file, out, signal) => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller'], `${FIXTURES}/${file}`);
    await worker.printed(/^miller is ready$/);
    expect(await mill.ask(['job', 'who'])).toMatchObject({ code: 0, out });
    const status = JSON.parse((await mill.ask(['status', '--json'])).out) as { workers: { name: string }[] };
    expect(status.workers.map(({ name }) => name)).toEqual(['miller']);
    worker.kill(signal);
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(worker.count(/is ready/)).toBe(1);
  });

  it.each([
    ['an exported class', 'worker.mjs'],
    ['a program', 'program.mjs'],
  ])('starts one of %s again whose function ended its process with exit code 0', async (_what, file) => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller'], `${FIXTURES}/${file}`);
    await worker.printed(/^miller is ready$/);
    expect(await mill.ask(['job', 'exits'])).toMatchObject({ code: 0, out: 'miller survived' });
    expect(worker.err).toBe('gristmill: miller crashed (exit code 0 while it served); starting it again\n');
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  });

  it('says that a module starts a worker beside the one of its class, if it does so when it is loaded already', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller'], `${FIXTURES}/late.mjs`);
    await worker.printed(/^gristmill: miller: .*late\.mjs starts a worker itself, after it was loaded, beside the one of its class$/);
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  });

  it.each([
    ['--listen', ['--listen', 'tcp://127.0.0.1:*']],
    ['--isolate', ['--isolate']],
    ['--slots', ['--slots', '2']],
  ])('refuses %s for a program', async (option, args) => {
    await using mill = await startMill(0);
    const { code, err } = await gristmill([
      'worker',
      `${FIXTURES}/program.mjs`,
      ...(option === '--listen' ? [] : ['-a', mill.address]),
      ...args,
    ]);
    expect(code).toBe(2);
    expect(err).toContain(`${option} needs a module that exports a class that extends Worker`);
  });

  it('runs one that a master dials, crashed or not', async () => {
    const listen = await freeAddress();
    await using mill = new Mill();
    await mill.master('--dial', listen);
    const worker = mill.command('worker', `${FIXTURES}/worker.mjs`, 'miller', '--listen', listen);
    await worker.printed(new RegExp(`^miller listens at ${listen}$`));
    expect(await mill.ask(['job', 'fragile'])).toMatchObject({ code: 0, out: 'miller survived' });
    expect(worker.err).toBe('gristmill: miller crashed (SIGKILL); starting it again\n');
  });

  it.each([
    [['--listen', 'tcp://*:4242'], "--listen: other machines could reach 'tcp://*:4242'"],
    [['--listen', 'tcp://127.0.0.1:4242', '--count', '2'], '--listen: 2 workers cannot share tcp://127.0.0.1:4242'],
  ])('refuses %o', async (args, message) => {
    const { code, err } = await gristmill(['worker', `${FIXTURES}/worker.mjs`, ...args]);
    expect(err).toContain(message);
    expect(code).toBe(2);
  });

  it('runs jobs in processes of their own', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller', '--isolate']);
    await worker.printed(/^miller is ready$/);
    const [name, pid] = await who(mill);
    expect(name).toBe('miller');
    expect((await mill.ask(['job', 'fragile'])).out).toBe('miller survived');
    expect((await who(mill))[1]).not.toBe(pid);
    expect(worker.err).toBe('');
  });

  it('starts a crashed worker again, and its job is done', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller']);
    await worker.printed(/^miller is ready$/);
    const [, before] = await who(mill);
    expect(await mill.ask(['job', 'fragile'])).toMatchObject({ code: 0, out: 'miller survived' });
    expect(worker.err).toBe('gristmill: miller crashed (SIGKILL); starting it again\n');
    const [, after] = await who(mill);
    expect(after).not.toBe(before);
  });

  it('starts a worker again that broke while it was of use', async () => {
    await using mill = new Mill();
    const master = await mill.master();
    // Not one of the mill's: those may tell of no bug.
    const worker = new Running([MAIN, 'worker', `${FIXTURES}/breaking.mjs`, 'miller', '--address', mill.address]);
    try {
      await worker.printed(/^miller is ready$/);
      master.kill('SIGKILL');
      await worker.printed(/^gristmill: miller crashed \(exit code 1\); starting it again$/);
      expect(worker.err).toContain('a bug in gristmill: out of order');
    } finally {
      worker.kill('SIGTERM');
      await worker.ended;
    }
  });

  it('waits longer before each start of a worker that crashes again and again', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller']);
    await worker.printed(/^miller is ready$/);
    await mill.ask(['job', 'fragile', '--lines'], 'a\nb\nc\n');
    await worker.printed(/crashed/, 3);
    const waits = [...worker.err.matchAll(/starting it again(?: in (\S+) s)?$/gm)].map(([, seconds]) => seconds);
    expect(waits).toEqual([undefined, '0.2', '0.4']);
  });

  it('kills what does not stop within the deadline', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller', '--deadline', '0'], `${FIXTURES}/stubborn.mjs`);
    await worker.printed(/^miller is ready$/);
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 1, signal: null });
    expect(worker.err).toBe('gristmill: miller did not stop within its deadline and was killed\n');
  });

  it('gives a running job up at the deadline', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller', '--deadline', '0.1']);
    await worker.printed(/^miller is ready$/);
    mill.command('job', 'endless', '-a', mill.address).child.stdin?.end();
    await worker.printed(/^endless has begun$/);
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(worker.err).toBe('');
  });

  it('stops while it waits for a master', async () => {
    await using mill = new Mill();
    mill.address = 'ipc:///tmp/gristmill-nobody';
    const worker = mill.worker(['--count', '2']);
    await worker.printed(/waiting for a master/, 2);
    worker.kill('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
  });

  it('takes its workers with it, even if it is killed', async () => {
    await using mill = await startMill(0);
    const worker = mill.worker(['miller']);
    await worker.printed(/^miller is ready$/);
    worker.kill('SIGKILL');
    // It shares its output with its workers: that ends with the last of them.
    expect(await worker.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it.each([
    ['that is not there', 'missing.mjs', 2, /^gristmill: .*missing\.mjs: no such file$/m],
    ['without a class', 'no_class.mjs', 2, /exports no class that extends Worker$/m],
    ['of a master', 'twice.mjs', 2, /exports no class that extends Worker$/m],
    ['that cannot be loaded', 'broken.mjs', 1, /^gristmill: miller: Error: this module cannot be loaded$/m],
  ])('refuses a module %s, without trying again', async (_what, file, code, message) => {
    const outcome = await gristmill(['worker', `${FIXTURES}/${file}`, 'miller']);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err).toMatch(message);
    expect(outcome.err).not.toContain('crashed');
  });
});
