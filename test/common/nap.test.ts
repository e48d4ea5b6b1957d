import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { nap } from '../../src/common/nap.ts';

const SLACK = '/proc/self/timerslack_ns';
const isLinux = existsSync(SLACK);
const before = isLinux ? readFileSync(SLACK, 'latin1').trim() : '';

afterAll(() => {
  if (isLinux) writeFileSync(SLACK, before);
});

/** How often this thread has gone to sleep. */
function sleeps(): number {
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/mu.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]);
}

describe('a nap', () => {
  it.runIf(isLinux)('leaves the core to others each time, and is asked to end in time', () => {
    nap();
    expect(readFileSync(SLACK, 'latin1').trim()).toBe('1');
    const since = sleeps();
    for (let i = 0; i < 200; i += 1) nap();
    // Not quite each: who is interrupted before it sleeps may find that its time is over.
    expect(sleeps() - since).toBeGreaterThan(150);
  });
});
