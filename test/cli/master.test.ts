import { describe, expect, it } from 'vitest';
import { FIXTURES, gristmill, Mill, startMill } from './command.ts';

describe('gristmill master', () => {
  it('runs until it is told to stop', async () => {
    await using mill = new Mill();
    const master = await mill.master('--name', 'miller', '--policy', 'roundRobin');
    expect(master.out).toMatch(/^miller listens at tcp:\/\/127\.0\.0\.1:\d+\n$/);
    const { out } = await mill.ask(['status', '--json']);
    expect(JSON.parse(out)).toMatchObject({ master: 'miller', policy: 'roundRobin', workers: [] });
    master.kill('SIGTERM');
    expect(await master.ended).toEqual({ code: 0, signal: null });
    expect(master.err).toBe('');
  });

  it('runs the class that a module exports', async () => {
    await using mill = new Mill();
    await mill.master(`${FIXTURES}/twice.mjs`);
    await mill.worker([]).printed(/ is ready$/);
    expect(await mill.ask(['job', 'upper', '--lines'], 'a\nb\n')).toMatchObject({ code: 0, out: 'A\nAGAIN A\nB\nAGAIN B\n' });
  });

  it('bounds its cache and its messages as told', async () => {
    await using mill = new Mill();
    await mill.master('--cache-bytes', '1000', '--max-message-bytes', '500');
    expect(await mill.ask(['cache', 'set', 'key', 'v'.repeat(400)])).toMatchObject({ code: 0 });
    const tooLong = await mill.ask(['cache', 'set', 'key', 'v'.repeat(501)]);
    expect(tooLong.code).toBe(1);
    expect(tooLong.err).toMatch(/501 .*500/);
    const { cache } = JSON.parse((await mill.ask(['status', '--json'])).out) as { cache: object };
    expect(cache).toMatchObject({ entries: 1, maxBytes: 1_000 });
  });

  it('says that an address is in use', async () => {
    await using mill = await startMill(0);
    const { code, out, err } = await mill.ask(['master']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain(mill.address);
  });

  it.each([
    ['that is not there', 'missing.mjs', 2, /^gristmill: .*missing\.mjs: no such file$/m],
    ['without a class', 'no_class.mjs', 2, /exports no class that extends Master$/m],
    ['with too many classes', 'two_classes.mjs', 2, /exports 2 classes that extend Master; make one the default export$/m],
    ['of workers', 'worker.mjs', 2, /exports no class that extends Master$/m],
    ['that cannot be loaded', 'broken.mjs', 1, /^gristmill: this module cannot be loaded$/m],
  ])('refuses a module %s', async (_what, file, code, message) => {
    const outcome = await gristmill(['master', `${FIXTURES}/${file}`, '-a', 'tcp://127.0.0.1:*']);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err).toMatch(message);
  });

  it('is not reachable by other machines unasked', async () => {
    const { code, err } = await gristmill(['master', '-a', 'tcp://0.0.0.0:*']);
    expect(code).toBe(2);
    expect(err).toMatch(/tcp:\/\/0\.0\.0\.0:\*.*insecure/);
    await using mill = new Mill();
    const master = mill.command('master', '-a', 'tcp://0.0.0.0:*', '--insecure');
    await master.printed(/listens at tcp:\/\/0\.0\.0\.0:\d+/);
    expect(master.err).toMatch(/nothing is encrypted/);
  });
});
