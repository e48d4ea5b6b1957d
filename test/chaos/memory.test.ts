import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import type { Running } from '../integration/processes.ts';
import { type ClientSpec, end, everyResult, everyResultOf, residentBytes, startWorld, type Summary, within } from './world.ts';

const SLOW_FOR_MS = 20_000;
const WARM_UP_MS = 5_000;
const SAMPLE_MS = 500;
const TELL_EVERY = 10;
/** A busy machine takes its time to start a dozen processes. */
const START_MS = 40_000;
const NORMAL = { function: 'briefly', ahead: 50, tellEvery: TELL_EVERY };
const MAX_GROWTH_BYTES = 30 * 1_024 * 1_024;

/** Watches the memory of processes from now on. */
class Watch {
  readonly #bytes = new Map<string, number[]>();
  readonly #timer: NodeJS.Timeout;

  constructor(processes: Readonly<Record<string, Running | undefined>>) {
    const look = (): void => {
      for (const [name, running] of Object.entries(processes)) {
        const bytes = running === undefined ? 0 : residentBytes(running);
        if (bytes > 0) this.#bytes.set(name, [...(this.#bytes.get(name) ?? []), bytes]);
      }
    };
    look();
    this.#timer = setInterval(look, SAMPLE_MS);
  }

  /** Those that have grown by more than is allowed. */
  grown(): string[] {
    clearInterval(this.#timer);
    return [...this.#bytes]
      .filter(([, bytes]) => Math.max(...bytes) - (bytes[0] as number) > MAX_GROWTH_BYTES)
      .map(([name, bytes]) => `${name}: ${bytes.map((one) => Math.round(one / 1e6)).join(' ')} MB`);
  }
}

/** How many results a second a stream gives for so long. */
async function pace(client: Running, ms: number): Promise<number> {
  const [told, since] = [client.count(/^at /), performance.now()];
  await pass(ms);
  return ((client.count(/^at /) - told) * TELL_EVERY * 1_000) / (performance.now() - since);
}

const SLOW = {
  'an endless source': { function: 'echo', bytes: 10_000, everyMs: 1_000 },
  'an endless generator of a worker': {
    function: 'endlessly',
    bytes: 10_000,
    jobs: 1,
    everyMs: 1_000,
    expect: 'counted',
    results: 1e6,
  },
} as const;

/** A world with a normal stream and one whose consumer is slow. `usual`: the same normal stream in a world without. */
async function slowBeside(spec: ClientSpec, usual: Running): Promise<Summary> {
  await using world = await startWorld({ workers: 2, slots: 2 });
  const normal = world.startClient(NORMAL);
  const slow = world.startClient(spec);
  await world.results([normal], 5, 'of the normal stream', START_MS);
  await within(START_MS, slow.printed(/^took/), 'the first result');
  await pass(WARM_UP_MS);
  const [first, second] = world.workers;
  const watch = new Watch({ master: world.master, 'first worker': first, 'second worker': second, consumer: slow, normal });
  const [alone, beside] = await Promise.all([usual, normal].map((client) => pace(client, SLOW_FOR_MS - WARM_UP_MS)));
  expect(watch.grown()).toEqual([]);
  expect(slow.count(/^took/)).toBeGreaterThan((SLOW_FOR_MS / 1_000) * 0.8);
  expect(slow.count(/strange/)).toBe(0);
  // What else this machine does slows both.
  expect(beside).toBeGreaterThan((alone as number) / 4);
  end(normal);
  return await world.finished(normal);
}

describe('a consumer that takes one result a second', () => {
  it(`lets nothing grow and nobody wait: ${Object.keys(SLOW).join(', ')}`, async () => {
    await using control = await startWorld({ workers: 2, slots: 2 });
    const usual = control.startClient(NORMAL);
    await control.results([usual], 5, 'of the control', START_MS);
    const summaries = await Promise.all(Object.values(SLOW).map((spec) => slowBeside(spec, usual)));
    for (const summary of summaries) expect(summary).toEqual(everyResultOf(summary));
  });
});

describe('one job of a million parts', () => {
  it('is no queue: memory stays flat, and each result comes once', async () => {
    await using world = await startWorld({ workers: 2, kind: 'many' });
    const client = world.startClient({
      function: 'echo',
      prefix: '1000000 ',
      expect: 'part',
      jobs: 1,
      results: 1_000_000,
      tellEvery: 50_000,
    });
    await within(30_000, client.printed(/^at 250000 /), 'the first quarter');
    const watch = new Watch({ master: world.master, 'first worker': world.workers[0], 'second worker': world.workers[1], client });
    const summary = await world.finished(client, 90_000);
    expect(watch.grown()).toEqual([]);
    expect(summary).toEqual(everyResult(1, 1_000_000));
  });
});
