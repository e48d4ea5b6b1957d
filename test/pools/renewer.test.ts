import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BroadcastChannel } from 'node:worker_threads';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SeenJobs } from '../../src/pools/held.ts';
import { Renewer } from '../../src/pools/renewer.ts';

const MORTAL = pathToFileURL(join(import.meta.dirname, 'mortal_thread.mjs'));

it('a thread that ends by an error is started again, and sees all that is held', async () => {
  const channel = new BroadcastChannel(`renewer-${process.pid}`);
  const lives = new SharedArrayBuffer(4);
  const errors: string[] = [];
  const renewer = new Renewer(MORTAL, { lives, channel: channel.name }, ({ message }) => void errors.push(message));
  onTestFinished(async () => {
    channel.close();
    await renewer.close();
  });
  const seen = new SeenJobs();
  // Two pages.
  const held = Array.from({ length: 100 }, (_, i) => [`job-${i}`, `token-${i}`] as const);
  const pages = new Promise<void>((resolve) => {
    let count = 0;
    channel.addEventListener('message', (event) => {
      seen.add((event as MessageEvent).data as SharedArrayBuffer);
      count += 1;
      if (count === 2) resolve();
    });
  });
  await renewer.ready;
  for (const [id, token] of held) renewer.jobs.hold(id, token);
  await pages;
  expect(new Map(seen.all())).toEqual(new Map(held));
  expect(errors).toEqual(['it dies']);
  expect(new Int32Array(lives)[0]).toBe(2);
});

it('a renewer that is closed starts none', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const data = { lives: new SharedArrayBuffer(4), channel: `renewer-${process.pid}-closed` };
  let died: () => void = () => undefined;
  const death = new Promise<void>((resolve) => {
    died = resolve;
  });
  const renewer = new Renewer(MORTAL, data, died);
  await renewer.ready;
  renewer.jobs.hold('a', 'token');
  await death;
  await vi.waitUntil(() => vi.getTimerCount() === 1, 10_000);
  await renewer.close();
  expect(vi.getTimerCount()).toBe(0);
});
