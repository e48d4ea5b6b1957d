import { describe, expect, it } from 'vitest';
import { pass } from '../integration/helpers.ts';
import type { Running } from '../integration/processes.ts';
import { everyResult, residentBytes, startWorld, within, type World } from './world.ts';

const SLOW_FOR_MS = 20_000;
const WARM_UP_MS = 5_000;
const SAMPLE_MS = 500;
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

/** How long short streams take, one after the other, for so long: the median. */
async function pace(world: World, ms: number): Promise<number> {
  const times: number[] = [];
  const until = performance.now() + ms;
  while (performance.now() < until) {
    const client = world.startClient({ function: 'briefly', jobs: 300 });
    await within(20_000, client.printed(/^begins/), 'a client');
    const since = performance.now();
    expect(await world.finished(client)).toEqual(everyResult(300));
    times.push(performance.now() - since);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;
}

describe.concurrent('a consumer that takes one result a second', () => {
  it.each([
    { what: 'an endless source', spec: { function: 'echo', bytes: 10_000, everyMs: 1_000 } },
    {
      what: 'an endless generator of a worker',
      spec: { function: 'endlessly', bytes: 10_000, jobs: 1, everyMs: 1_000, expect: 'counted', results: 1e6 },
    },
  ] as const)('lets nothing grow and nobody wait: $what', async ({ spec }) => {
    await using world = await startWorld({ workers: 2, slots: 2 });
    const alone = await pace(world, 1_500);
    const slow = world.startClient(spec);
    await within(10_000, slow.printed(/^took/), 'the first result');
    await pass(WARM_UP_MS);
    const watch = new Watch({
      master: world.master,
      'first worker': world.workers[0],
      'second worker': world.workers[1],
      consumer: slow,
    });
    const beside = await pace(world, SLOW_FOR_MS - WARM_UP_MS);
    expect(watch.grown()).toEqual([]);
    expect(slow.count(/^took/)).toBeGreaterThan((SLOW_FOR_MS / 1_000) * 0.8);
    expect(beside).toBeLessThan(2 * alone + 200);
    expect(slow.count(/strange/)).toBe(0);
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
