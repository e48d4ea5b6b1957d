/** Specialized workers that the command runs, each with a server that is a process of its own. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { specializedTypes } from '../../src/cli/config.ts';
import { lives } from '../integration/processes.ts';
import { FIXTURES, gristmill, Mill } from './command.ts';

const TYPE = 'test/cli/fixtures/sworker';

describe('gristmill worker --specialized', () => {
  const pidOf = (out: string): number => Number(/^server (\d+)$/m.exec(out)?.[1]);

  it('runs instances beside their servers, for the tasklets of a head, and cleans up', async () => {
    await using mill = new Mill();
    const head = await mill.master(`${FIXTURES}/head.mjs`, '--specialized', TYPE);
    const workers = mill.command('worker', '--specialized', TYPE, '--count', '2', '-a', mill.address);
    await workers.printed(/^server\d+ is ready$/, 2);
    await head.printed(/^context server/, 2);
    const { out } = await mill.ask(['job', 'ask', '--lines'], 'a\nb\nc\n');
    expect(out.split('\n').sort().join()).toContain('served /a,served /b,served /c');
    const pids = [...workers.out.matchAll(/^server (\d+)$/gm)].map((match) => Number(match[1]));
    expect(pids.every(lives)).toBe(true);
    workers.kill('SIGTERM');
    expect(await workers.ended).toEqual({ code: 0, signal: null });
    expect(workers.count(/^cleaned up/)).toBe(2);
    expect(pids.some(lives)).toBe(false);
    await head.printed(/^context cleaned up/, 2);
  });

  it('leaves no server behind when a worker crashes, and starts it again', async () => {
    await using mill = new Mill();
    const head = await mill.master(`${FIXTURES}/head.mjs`, '--specialized', TYPE);
    const worker = mill.command('worker', '--specialized', TYPE, '-a', mill.address);
    await worker.printed(/ is ready$/);
    await head.printed(/^context server/);
    const pid = pidOf(worker.out);
    void mill.ask(['job', 'ask'], 'crash');
    await head.printed(/^context cleaned up/);
    await expect.poll(() => lives(pid)).toBe(false);
    await worker.printed(/ is ready$/, 2);
    expect(worker.err).toMatch(/sworker crashed \(SIGKILL\); starting it again/);
  });

  it('says what is wrong', async () => {
    await using mill = new Mill();
    await mill.master();
    const refused = await mill.ask(['worker', '--specialized', TYPE]);
    expect(refused).toMatchObject({ code: 3, err: expect.stringMatching(/has no specializedType/) as unknown });
    expect(await gristmill(['worker', '--specialized', './nowhere'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/specialized worker '\.\/nowhere': no such module/) as unknown,
    });
    expect(await gristmill(['worker'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/expected FILE, or --specialized/) as unknown,
    });
    expect(await gristmill(['worker', 'x.js', '--specialized', 'y'])).toMatchObject({ code: 2 });
    expect(await gristmill(['master', '-a', 'tcp://127.0.0.1:*', '--specialized', TYPE])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/expected a tasklet for the specialized workers/) as unknown,
    });
  });
});

describe('gristmill.toml', () => {
  const before = process.cwd();
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gristmill-'));
    process.chdir(folder);
  });
  afterEach(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true });
  });
  const write = (text: string): Promise<void> => writeFile('gristmill.toml', text);

  it('names the specialized type, unless the command line does', async () => {
    expect(await specializedTypes([])).toEqual([]);
    await write('[worker]\nspecialized_type = "cool_package/the_sworker"\n\n[other]\nx = 1\n');
    expect(await specializedTypes([])).toEqual(['cool_package/the_sworker']);
    expect(await specializedTypes(['mine'])).toEqual(['mine']);
  });

  it.each([
    ['[worker\n', /^gristmill\.toml: Invalid TOML/],
    ['worker = 7', /^gristmill\.toml: worker: expected a table, got 7/],
    ['[worker]\nspecialised_type = "x"', /unknown key 'specialised_type'; known are specialized_type/],
    ['[worker]\nspecialized_type = 3', /specialized_type: expected the name of a module, got 3/],
  ])('says what is wrong in %j', async (text, message) => {
    await write(text);
    await expect(specializedTypes([])).rejects.toThrow(message);
  });
});
