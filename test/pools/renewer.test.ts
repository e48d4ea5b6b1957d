import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import { rolldown } from 'rolldown';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SeenJobs } from '../../src/pools/held.ts';
import { Renewer } from '../../src/pools/renewer.ts';

const MORTAL = pathToFileURL(join(import.meta.dirname, 'mortal_thread.mjs'));
const MISSING = pathToFileURL(join(import.meta.dirname, 'no_such_thread.mjs'));

/** A renewer whose thread dies of the first page in its first life, how many lives it has had, and what it failed of. */
function mortal(channel: string, about: PropertyDescriptorMap = {}): { renewer: Renewer; lives: () => number; errors: string[] } {
  const lives = new SharedArrayBuffer(4);
  const errors: string[] = [];
  const settings = Object.defineProperties({ lives, channel, lockMs: 40_000 }, about);
  const renewer = new Renewer(MORTAL, settings, ({ message }) => void errors.push(message));
  onTestFinished(() => renewer.close());
  return { renewer, lives: () => Atomics.load(new Int32Array(lives), 0), errors };
}

/** What a second life is shown, once that is so many pages. */
function shownTo(name: string, pages: number): Promise<SeenJobs> {
  const channel = new BroadcastChannel(name);
  onTestFinished(() => channel.close());
  const seen = new SeenJobs();
  let count = 0;
  return new Promise((resolve) => {
    channel.addEventListener('message', (event) => {
      seen.add((event as MessageEvent).data as SharedArrayBuffer);
      count += 1;
      if (count === pages) resolve(seen);
    });
  });
}

function fakeTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Resolves in the pause before another thread, where time stands still. */
async function pause(): Promise<void> {
  while (vi.getTimerCount() === 0)
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
}

it('a thread that ends by an error is started again, and sees all that is held', async () => {
  const name = `renewer-${process.pid}`;
  const { renewer, lives, errors } = mortal(name);
  const held = Array.from({ length: 100 }, (_, i) => [`job-${i}`, `token-${i}`] as const);
  const shown = shownTo(name, 2);
  await renewer.ready;
  for (const [id, token] of held) renewer.jobs.hold(id, token);
  expect(new Map((await shown).all())).toEqual(new Map(held));
  expect(errors).toEqual(['the thread that keeps locks is started again: it dies']);
  expect(lives()).toBe(2);
});

it('where the system has no thread to spare it tries again', async () => {
  const name = `renewer-${process.pid}-spare`;
  // What cannot be given to a thread makes its start fail as a system that has none does: at once.
  let starts = 0;
  const unfit = () => undefined;
  const { renewer, lives, errors } = mortal(name, {
    given: { enumerable: true, get: () => ((starts += 1), starts === 2 ? unfit : 'fit') },
  });
  const shown = shownTo(name, 1);
  await renewer.ready;
  renewer.jobs.hold('a', 'token');
  expect([...(await shown).all()]).toEqual([['a', 'token']]);
  expect(errors.map((text) => text.slice(0, 60))).toEqual([
    'the thread that keeps locks is started again: it dies',
    'the thread that keeps locks is started again: () => undefine',
  ]);
  expect([starts, lives()]).toEqual([3, 2]);
});

it('pauses between threads that do not live double, up to an eighth of what locks are kept for', async () => {
  fakeTimers();
  const errors: Error[] = [];
  const renewer = new Renewer(MISSING, { lockMs: 9_600 }, (error) => void errors.push(error));
  onTestFinished(() => renewer.close());
  for (const pauseMs of [0, 50, 100, 200, 400, 800, 1_200, 1_200]) {
    await pause();
    vi.advanceTimersByTime(Math.max(0, pauseMs - 1));
    const early = vi.getTimerCount();
    vi.advanceTimersByTime(Math.min(1, pauseMs));
    expect([early, vi.getTimerCount()]).toEqual([pauseMs === 0 ? 0 : 1, 0]);
  }
  expect(errors.length).toBe(8);
});

it('a renewer that is closed starts none: neither while a thread lives nor in a pause', async () => {
  fakeTimers();
  const living = mortal(`renewer-${process.pid}-living`);
  await living.renewer.ready;
  await living.renewer.close();
  expect([vi.getTimerCount(), living.errors]).toEqual([0, []]);
  const dead = mortal(`renewer-${process.pid}-dead`);
  await dead.renewer.ready;
  dead.renewer.jobs.hold('a', 'token');
  await pause();
  await dead.renewer.close();
  expect([vi.getTimerCount(), dead.lives()]).toEqual([0, 1]);
});

it('a thread does not keep its process', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'gristmill-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const build = await rolldown({ input: join(import.meta.dirname, '../../src/pools/renewer.ts'), platform: 'node' });
  await build.write({ file: join(dir, 'renewer.mjs') });
  await build.close();
  // Until it is ready somebody else keeps the process: a thread that nobody waits for may end with it before.
  const program = `
    import { Renewer } from './renewer.mjs';
    const keeping = setInterval(() => undefined, 1_000);
    setTimeout(() => process.exit(1), 10_000).unref();
    const settings = { lives: new SharedArrayBuffer(4), channel: 'none', lockMs: 40_000 };
    await new Renewer(new URL(${JSON.stringify(MORTAL.href)}), settings, console.error).ready;
    clearInterval(keeping);`;
  writeFileSync(join(dir, 'program.mjs'), program);
  const { status, stderr } = spawnSync(process.execPath, [join(dir, 'program.mjs')], { encoding: 'utf8', timeout: 20_000 });
  expect([status, stderr]).toEqual([0, '']);
});
