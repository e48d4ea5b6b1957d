import { describe, expect, it } from 'vitest';
import { roundRobin } from '../../src/scheduling/round_robin.ts';
import { type Fault, simulate, type SimulationOptions, smallWorld, STREAM } from '../../src/simulator/index.ts';

const FAULT: Fault = { kind: 'crash', role: 'worker', which: 0, atMs: 25, ms: 100, plug: 'dealer', direction: 'both', silent: false };

const PLAIN: SimulationOptions = {
  seed: 1,
  workers: 2,
  clients: 1,
  workload: { functions: { work: { ms: [10, 10] } }, streams: [{ ...STREAM, jobs: 20 }] },
};

describe('a simulation', () => {
  it('tells the same story, byte by byte, for the same seed, and another for another', () => {
    for (const seed of [3, 14, 33, 77]) {
      const first = simulate(smallWorld(seed)).history();
      expect(first.length).toBeGreaterThan(1_000);
      expect(simulate(smallWorld(seed)).history()).toBe(first);
    }
    expect(simulate({ ...PLAIN, seed: 2 }).history()).not.toBe(simulate(PLAIN).history());
  });

  it('runs each part once where nothing goes wrong, and says how long it took', () => {
    const { violation, executions, makespanMs, utilisation, peaks } = simulate({ ...PLAIN, chaotic: false });
    expect(violation).toBeUndefined();
    expect(executions.size).toBe(20);
    expect([...executions.values()].every((count) => count === 1)).toBe(true);
    expect(makespanMs).toBeGreaterThan(100);
    expect(makespanMs).toBeLessThan(120);
    expect(utilisation).toBeGreaterThan(0.8);
    expect(peaks['placed on workers']).toBe(2);
  });

  it('runs a part again that a killed worker had, and no other', () => {
    const { violation, executions } = simulate({ ...PLAIN, faults: [FAULT] });
    expect(violation).toBeUndefined();
    expect(executions.size).toBe(20);
    const again = [...executions.values()].filter((count) => count > 1);
    expect(again).toEqual([2]);
  });

  it('does not take a worker for dead whose connection was cut and came back', () => {
    const blips = [25, 45, 65].map((atMs): Fault => ({ ...FAULT, kind: 'cut', atMs }));
    const { violation, executions } = simulate({ ...PLAIN, faults: blips });
    expect(violation).toBeUndefined();
    expect([...executions.values()].every((count) => count === 1)).toBe(true);
  });

  it.each(['crash', 'stop'] as const)('ends every stream although the master ends in mid-stream: %s', (kind) => {
    const faults = [30, 90].map((atMs): Fault => ({ ...FAULT, role: 'master', kind, atMs }));
    const workload = { ...PLAIN.workload, scatter: [3, 3], gather: 'merge' } as const;
    expect(simulate({ ...PLAIN, workload, faults }).violation).toBeUndefined();
    expect(simulate({ ...PLAIN, faults, policy: roundRobin() }).violation).toBeUndefined();
  });

  it.each([1, 2, 3, 4])('with a limit of %i, lets no part bring down more workers, whatever else goes wrong', (crashLimit) => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const world = smallWorld(seed);
      const functions = Object.fromEntries(
        Object.entries(world.workload.functions).map(([name, spec]) => [name, { ...spec, kills: 0.03, ms: [0, 0.05] as const }]),
      );
      const streams = world.workload.streams.map((stream) => ({ ...stream, everyMs: 0, takeMs: 0, startMs: 0 }));
      const workload = { ...world.workload, functions, streams };
      const { violation } = simulate({ ...world, workload, config: { ...world.config, crashLimit }, history: false });
      expect(violation, `seed ${seed}`).toBeUndefined();
    }
  });

  it('fails a job that kills every worker it touches, after three of them, and no other', () => {
    const functions = { work: { ms: [10, 10], kills: 0.1 } } as const;
    const { violation, executions } = simulate({ ...PLAIN, seed: 5, workload: { ...PLAIN.workload, functions } });
    expect(violation).toBeUndefined();
    const counts = [...executions.values()].filter((count) => count >= 3);
    expect(counts.length).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBe(3);
  });

  it('says what must not happen, and stops there', () => {
    const stuck = simulate({ ...PLAIN, workers: [], patienceMs: 5_000 });
    expect(stuck.violation).toMatch(/these streams have not ended: c0\/1 \(0 of 20 jobs ended/);
  });

  it('can be read: the story of a job is what was said of it, in order', () => {
    const story = simulate({ ...PLAIN, faults: [FAULT] }).story();
    expect(story.filter((line) => line.includes('**'))).toEqual([
      expect.stringContaining('fault: crash of worker 0, 100 ms'),
      expect.stringContaining('stream c0/1: ended'),
      expect.stringContaining('w0.2 has stopped'),
      expect.stringContaining('w1.1 has stopped'),
      expect.stringContaining('the master has stopped'),
    ]);
  });
});
