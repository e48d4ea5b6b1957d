import { describe, expect, it } from 'vitest';
import { gristmill, startMill } from './command.ts';

describe('gristmill status', () => {
  it('says what a master is doing', async () => {
    await using mill = await startMill(2);
    await mill.ask(['job', 'upper', '--lines'], 'a\nb\n');
    await mill.ask(['cache', 'set', 'key', 'value']);
    const { code, out, err } = await mill.ask(['status']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^master: policy leastLoaded, 0 queued, 0 placed\ncache: 1 entries, \d+ of 268435456 bytes, 0 evicted\nworkers: 2\n/,
    );
    expect(out).toMatch(
      /^  worker1 {2}joined {2}0 running {2}1 slot {2}\d ended {2}upper, same, letters, picky, moody, who, fragile, exits, endless$/m,
    );
    expect(out).toMatch(/\nclients: 1\n {2}client-\w+ {2}joined {2}0 streams\nstreams: 0\n$/);
  });

  it('says it as JSON', async () => {
    await using mill = await startMill(1);
    const { code, out } = await mill.ask(['status', '--json']);
    expect(code).toBe(0);
    expect(out.endsWith('\n')).toBe(true);
    expect(JSON.parse(out)).toMatchObject({
      master: 'master',
      policy: 'leastLoaded',
      workers: [{ name: 'worker', slots: 1, state: 'joined', ended: 0 }],
      queued: 0,
      placed: 0,
      rejected: {},
    });
  });

  it('gives up when there is no master within the time-out', async () => {
    const outcome = await gristmill(['status', '-a', 'ipc:///tmp/gristmill-nobody', '-t', '0.2']);
    expect(outcome).toMatchObject({ code: 3, out: '' });
  });
});
