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
    const [received, byRule, end] = await collecting();
    expect(received).toMatch(/Scavenge|Minor/);
    expect(received).not.toContain('[IncrementalMarking] Start');
    expect(byRule).toContain('[IncrementalMarking] Start');
    // The process was started with --expose-gc.
    expect(end).toContain('collectors: function function');
  });

  it('leaves a rule that V8 was given at its start', async () => {
    const [received, byRule] = await collecting('--incremental-marking-hard-trigger=1000000');
    expect(received).toMatch(/Scavenge|Minor/);
    expect(byRule).toMatch(/Scavenge|Minor/);
    expect(`${received}${byRule}`).not.toContain('[IncrementalMarking] Start');
  });
});

/** What V8 says while as much comes in as makes us collect, at a collection of the script's own, and then. @param rule one for V8 */
async function collecting(rule?: string): Promise<readonly string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'gristmill-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const file = join(dir, 'young_garbage.mjs');
  const build = await rolldown({ input: join(import.meta.dirname, '../../src/transport/young_garbage.ts'), platform: 'node' });
  await build.write({ file });
  await build.close();
  const flags = ['--expose-gc', '--trace-gc', '--trace-incremental-marking', ...(rule === undefined ? [] : [rule])];
  const script = [join(import.meta.dirname, 'collecting.mjs'), file, ...(rule === undefined ? [] : ['keep'])];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, ...script], { encoding: 'utf8', timeout: 20_000 });
  expect(stderr).toBe('');
  // The last of many times.
  return /.*^received$(.*)^by rule$(.*)^over$(.*)/ms.exec(stdout)?.slice(1) ?? [];
}
