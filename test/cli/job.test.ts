import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gristmill, type Mill, startMill } from './command.ts';

describe('gristmill job', () => {
  let mill: Mill;
  let folder: string;
  beforeAll(async () => {
    mill = await startMill(2);
    folder = await mkdtemp(join(tmpdir(), 'gristmill-job-'));
    await writeFile(join(folder, 'a'), 'alpha');
    await writeFile(join(folder, 'b'), 'beta\nbad\n');
  });
  afterAll(async () => {
    await mill[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  const path = (name: string): string => join(folder, name);

  /** Clients that the master knows, but for the one that asks. */
  async function othersThere(): Promise<number> {
    const { clients } = JSON.parse((await mill.ask(['status', '--json'])).out) as { clients: unknown[] };
    return clients.length - 1;
  }

  it('sends stdin as one job, and prints the bytes as they are', async () => {
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => (index * 31) % 256));
    for (const args of [[], ['-']]) {
      const outcome = await mill.ask(['job', 'same', ...args], bytes);
      expect(outcome).toMatchObject({ code: 0, err: '' });
      expect(outcome.bytes.equals(bytes)).toBe(true);
    }
    expect(await mill.ask(['job', 'same'])).toMatchObject({ code: 0, out: '', err: '' });
  });

  it('sends each file as a job, and prints the results in their order', async () => {
    const outcome = await mill.ask(['job', 'upper', path('a'), '-', path('b'), path('a')], ' stdin ');
    expect(outcome).toMatchObject({ code: 0, out: 'ALPHA STDIN BETA\nBAD\nALPHA', err: '' });
  });

  it('sends each line as a job', async () => {
    const lines = Array.from({ length: 5_000 }, (_, index) => `line ${index}\n`).join('');
    expect(await mill.ask(['job', 'upper', '--lines'], lines)).toMatchObject({ code: 0, out: lines.toUpperCase(), err: '' });
    const unordered = await mill.ask(['job', 'upper', '--lines', '--unordered'], lines);
    expect(unordered.out.split('\n').sort()).toEqual(lines.toUpperCase().split('\n').sort());
    expect(await mill.ask(['job', 'letters', '--lines'], 'ab\n\nc')).toMatchObject({ code: 0, out: 'a\nb\nc\n' });
  });

  it('tells which job failed and why, and goes on with the others', async () => {
    const outcome = await mill.ask(['job', 'picky', '--lines', path('a'), path('b')]);
    expect(outcome).toMatchObject({ code: 1, out: 'alpha is good\nbeta is good\n' });
    expect(outcome.err).toBe(`gristmill: ${path('b')}:2: function-threw: cannot use bad\n`);
  });

  it('tries jobs again as often as it is told', async () => {
    expect(await mill.ask(['job', 'moody', '--retries', '2'], 'well')).toMatchObject({ code: 0, out: 'well', err: '' });
    const { code, err } = await mill.ask(['job', 'moody', '--retries', '1'], 'well');
    expect({ code, err }).toEqual({ code: 1, err: 'gristmill: -: function-threw: not at attempt 2\n' });
    const wrong = await mill.ask(['job', 'moody', '--retries', '1001'], 'well');
    expect(wrong).toMatchObject({ code: 2, out: '' });
    expect(wrong.err).toMatch(/^gristmill: --retries: expected a whole number from 0 to 1000, got 1001$/m);
  });

  it('tells all as JSON', async () => {
    const outcome = await mill.ask(['job', 'picky', '--json', path('a'), path('b')]);
    expect(outcome.code).toBe(1);
    expect(
      outcome.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { job: 0, part: 0, result: 0, source: path('a'), status: 'fulfilled', value: 'alpha is good' },
      expect.objectContaining({ job: 1, source: path('b'), status: 'rejected', code: 'function-threw', attempts: 1 }),
    ]);
    const binary = await mill.ask(['job', 'same', '--json'], Buffer.from([255, 0]));
    expect(JSON.parse(binary.out)).toMatchObject({ source: '-', base64: '/wA=' });
  });

  it('passes over a file that cannot be read', async () => {
    for (const how of [[], ['--lines']]) {
      const outcome = await mill.ask(['job', 'upper', ...how, path('missing'), path('a')]);
      expect(outcome).toMatchObject({ code: 1, out: how.length === 0 ? 'ALPHA' : 'ALPHA\n' });
      expect(outcome.err).toMatch(/^gristmill: \S+missing: ENOENT/);
    }
  });

  it('tells of a function that nobody serves', async () => {
    const outcome = await mill.ask(['job', 'unheard', path('a')]);
    expect(outcome).toMatchObject({ code: 1, out: '' });
    expect(outcome.err).toMatch(/^gristmill: \S+a: unknown-function: .*unheard/);
  });

  it('gives up when there is no master within the time-out', async () => {
    const outcome = await gristmill(['job', 'upper', path('a'), '-a', 'ipc:///tmp/gristmill-nobody', '--timeout', '0.2']);
    expect(outcome).toMatchObject({ code: 3, out: '' });
    expect(outcome.err).toBe('gristmill: ipc:///tmp/gristmill-nobody: no master answered within 200 ms\n');
  });

  it('leaves in order at a signal', async () => {
    const job = mill.command('job', 'upper', '--lines', '-a', mill.address);
    job.child.stdin?.write('first\n');
    await job.printed(/^FIRST$/);
    job.kill('SIGTERM');
    expect(await job.ended).toEqual({ code: 143, signal: null });
    expect(job.err).toBe('');
    expect(await othersThere()).toBe(0);
  });

  it('ends when nobody reads its output', async () => {
    const job = mill.command('job', 'upper', '--lines', '-a', mill.address);
    job.child.stdin?.on('error', () => undefined);
    job.child.stdin?.write('first\n');
    await job.printed(/^FIRST$/);
    job.child.stdout?.destroy();
    job.child.stdin?.write('second\n');
    expect((await job.ended).code).toBe(141);
    expect(job.err).toBe('');
    expect(await othersThere()).toBe(0);
  });
});
