import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { runInNewContext } from 'node:vm';
import { rolldown } from 'rolldown';
import { describe, expect, it, onTestFinished } from 'vitest';
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

  it('begins no full collection then, though there is more outside the heap than V8 lets grow; and V8 goes by its own rule again', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'gristmill-'));
    onTestFinished(() => rmSync(dir, { recursive: true }));
    const file = join(dir, 'young_garbage.mjs');
    const build = await rolldown({ input: join(import.meta.dirname, '../../src/transport/young_garbage.ts'), platform: 'node' });
    await build.write({ file });
    await build.close();
    const tracing = ['--expose-gc', '--trace-gc', '--trace-incremental-marking'];
    const { stdout, stderr } = spawnSync(process.execPath, [...tracing, join(import.meta.dirname, 'collecting.mjs'), file], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    const [, received, byRule] = /^received$(.*)^by rule$(.*)^over: /ms.exec(stdout) ?? [];
    expect(received).toMatch(/Scavenge|Minor/);
    expect(received).not.toContain('[IncrementalMarking] Start');
    expect(byRule).toContain('[IncrementalMarking] Start');
  });
});
