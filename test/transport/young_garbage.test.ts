import { constants, PerformanceObserver } from 'node:perf_hooks';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { countReceived } from '../../src/transport/young_garbage.ts';

/** Told of collections: resolves with the kind of the next that somebody asked for. */
function nextForced(): Promise<unknown> {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries() as { detail?: { kind?: number; flags?: number } }[]) {
        if (((detail?.flags ?? 0) & constants.NODE_PERFORMANCE_GC_FLAGS_FORCED) === 0) continue;
        observer.disconnect();
        resolve(detail?.kind);
      }
    });
    observer.observe({ entryTypes: ['gc'] });
  });
}

describe('what has come in', () => {
  it('has young garbage collected, and only that, for each 20 MiB', async () => {
    const collected = nextForced();
    for (let i = 0; i < 20; i += 1) countReceived(1_048_576);
    expect(await collected).toBe(constants.NODE_PERFORMANCE_GC_MINOR);
  });

  it('shows the collector to no context of the user', () => {
    for (let i = 0; i < 20; i += 1) countReceived(1_048_576);
    expect(runInNewContext('typeof gc')).toBe('undefined');
  });
});
