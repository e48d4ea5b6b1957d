import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import type { Running } from '../integration/processes.ts';
import { type Random, random } from './random.ts';
import { end, everyResultOf, startWorld, type Summary, within, type World } from './world.ts';

const TIMES = 50;
/** In so many worlds at once, since most of it is waiting. */
const WORLDS = 2;
const MASTER_STOP_MS = 500;
/** What a process may take on top of its deadline, on a machine that is busy. */
const GRACE_MS = 5_000;

/** Sends SIGTERM, and waits for the end. A process that had not begun to listen for the signal yet ends by it. */
async function stop(running: Running, ready: RegExp, deadlineMs: number): Promise<void> {
  const wasReady = running.count(ready) > 0;
  running.kill('SIGTERM');
  const { code, signal } = await within(deadlineMs + GRACE_MS, running.ended, 'the exit after SIGTERM');
  if (wasReady || signal !== 'SIGTERM') expect({ code, signal }).toEqual({ code: 0, signal: null });
}

async function stopWorker(world: World, dice: Random): Promise<void> {
  const at = dice.between(0, world.workers.length - 1);
  const worker = world.workers.splice(at, 1)[0] as Running;
  world.startWorker();
  await stop(worker, /^welcomed/, 0);
}

async function stopClient(world: World, dice: Random): Promise<void> {
  const client = world.startClient({ function: dice.pick(['briefly', 'three']), expect: 'same' });
  await within(10_000, client.printed(/^begins/), 'a client');
  await pass(dice.between(0, 200));
  await stop(client, /^begins/, 0);
}

async function stopMaster(world: World, dice: Random): Promise<void> {
  const client = world.startClient({ function: 'briefly', jobs: dice.between(1, 300) });
  await within(10_000, client.printed(/^begins/), 'a client');
  await pass(dice.between(0, 300));
  await stop(world.master, /^listening/, MASTER_STOP_MS);
  world.startMaster();
  const summary = await world.finished(client);
  expect(summary).toEqual(everyResultOf(summary));
}

async function stopThings(dice: Random, times: number): Promise<Summary> {
  await using world = await startWorld({ workers: 3, slots: 2, master: { stopMs: MASTER_STOP_MS } });
  const steady = world.startClient({ function: 'briefly', ahead: 50, tellEvery: 10 });
  await within(10_000, steady.printed(/^at /), 'results');
  for (let time = 0; time < times; time += 1) {
    await pass(dice.between(0, 100));
    const act = [stopWorker, stopClient, stopMaster][time % 3] as typeof stopWorker;
    await act(world, dice);
  }
  await within(10_000, steady.printed(/^at /, steady.count(/^at /) + 5), 'results');
  end(steady);
  return await world.finished(steady);
}

describe('SIGTERM', () => {
  it(`to each role at random moments, ${TIMES} times: it exits in time, and nothing is lost`, async (context) => {
    const dice = random(context);
    const summaries = await Promise.all(Array.from({ length: WORLDS }, () => stopThings(dice, TIMES / WORLDS)));
    for (const summary of summaries) expect(summary).toEqual(everyResultOf(summary));
  }, 180_000);
});
