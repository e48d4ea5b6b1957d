import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkCached, checkSums, checkWorkers } from '../../src/cli/demo_checks.ts';
import { ROOT } from '../integration/processes.ts';
import { FIXTURES, gristmill, Mill } from './command.ts';

describe('gristmill demo', () => {
  it('runs every example and shows what each prints', async () => {
    const { code, out, err } = await gristmill(['demo', '--folder', join(ROOT, 'src')]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [, ...sections] = out.split('── ');
    expect(sections.map((section) => section.split(':')[0])).toEqual(['standalone_parallel', 'cache', 'scatter', 'gather', 'checksum']);
    for (const section of sections) {
      expect(section).toMatch(/^ {3}master {2}│ master listens at tcp:/m);
      for (const worker of ['worker1', 'worker2']) expect(section).toContain(`   ${worker} │ ${worker} is ready\n`);
      expect(section).toMatch(/^ {3}client {2}│ /m);
    }
    expect(out.endsWith('\nall examples printed what they should\n')).toBe(true);
  });

  it('leaves no process behind when it is stopped', async () => {
    await using mill = new Mill();
    const demo = mill.command('demo', '--folder', FIXTURES);
    await demo.printed(/worker\d is ready$/);
    const address = /listens at (\S+)/.exec(demo.out)?.[1] ?? '';
    demo.kill('SIGTERM');
    expect(await demo.ended).toEqual({ code: 143, signal: null });
    expect(await gristmill(['status', '-a', address, '-t', '0.3'])).toMatchObject({ code: 3 });
  });
});

describe('what an example prints is wrong when', () => {
  const results = ['worker1 processed', 'worker2 processed'];

  it.each([
    ['a line is missing', results.slice(1), "expected 2 lines '… processed', got 1"],
    ['a line is another', ['worker1 processed', 'worker2 did'], "expected 'worker1 processed' or 'worker2 processed', got 'worker2 did'"],
    ['a worker does nothing', ['worker2 processed', 'worker2 processed'], 'worker1 did nothing'],
    ['(never)', results, undefined],
  ])('%s', (_what, lines, problem) => {
    expect(checkWorkers(lines, 2, ' processed')).toBe(problem);
  });

  it('the cached value or the last line is another', () => {
    const lines = [' cached data ', 'worker1 cached data a message', 'worker2 cached data a message'];
    expect(checkCached(lines, 2)).toBeUndefined();
    expect(checkCached([...lines, 'Final message'], 2, 'Final message')).toBeUndefined();
    expect(checkCached(lines.slice(1), 2)).toBe("expected ' cached data ' first, got 'worker1 cached data a message'");
    expect(checkCached(lines, 2, 'Final message')).toBe("expected 'Final message' at the end, got 'worker2 cached data a message'");
  });

  it('a sum is missing, twice there, or another', () => {
    const sums = (name: string, folder = FIXTURES): string => {
      const bytes = readFileSync(join(FIXTURES, name));
      return `${createHash('sha256').update(bytes).digest('hex')}  ${join(folder, name)}`;
    };
    const lines = readdirSync(FIXTURES).map((name) => sums(name));
    const later = Date.now() + 60_000;
    expect(checkSums(lines, FIXTURES, later)).toBeUndefined();
    expect(checkSums(lines.slice(1), FIXTURES, later)).toMatch(/: expected [0-9a-f]{64}, got undefined$/);
    expect(checkSums(lines.slice(1), FIXTURES, 0)).toBeUndefined();
    expect(checkSums([...lines, ...lines], FIXTURES, later)).toBe('a file came twice');
    expect(checkSums([...lines, sums('worker.mjs', '/nowhere')], FIXTURES, later)).toBe('/nowhere/worker.mjs: there is no such file');
    expect(checkSums(['no sum'], FIXTURES, later)).toBe("expected '<sum>  <file>', got 'no sum'");
    const wrong = lines.map((line) => line.replace(/^./, (digit) => (digit === '0' ? '1' : '0')));
    expect(checkSums(wrong, FIXTURES, later)).toMatch(/: expected [0-9a-f]{64}, got [01][0-9a-f]{63}$/);
  });
});
