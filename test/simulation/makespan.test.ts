/**
 * How good the placing is, apart from what machines cost: jobs that mostly take 1 ms, and a tenth of which take 50, against greedy list
 * scheduling (each job in its turn to the worker that is free first).
 */
import { describe, expect, it } from 'vitest';
import { simulate, STREAM } from '../../src/simulator/index.ts';
import { Random } from '../../src/simulator/random.ts';

const JOBS = 200;
const ORDERS = 25;

/** Twenty long ones among short ones, some of which end at once. */
function drawJobs(seed: number): number[] {
  const random = new Random(seed, 'jobs');
  const jobs = Array.from({ length: JOBS }, (_, i) => (i < JOBS / 10 ? random.between(50, 51) : random.between(0.1, 2)));
  for (let i = jobs.length - 1; i > 0; i -= 1) {
    const j = random.int(i + 1);
    [jobs[i], jobs[j]] = [jobs[j] as number, jobs[i] as number];
  }
  return jobs;
}

function greedy(jobs: readonly number[], workers: number): number {
  const free = Array.from({ length: workers }, () => 0);
  for (const ms of jobs) {
    const first = free.indexOf(Math.min(...free));
    free[first] = (free[first] as number) + ms;
  }
  return Math.max(...free);
}

/** Times greedy, for each of some orders, lowest first. A first stream shows the workers' speed. */
function makespans(workers: number, latencyMs: readonly [number, number]): number[] {
  const ratios = Array.from({ length: ORDERS }, (_, at) => {
    const seed = at + 1;
    const jobs = drawJobs(seed);
    const { violation, makespanMs, executions } = simulate({
      seed,
      workers,
      clients: 1,
      chaotic: false,
      history: false,
      latencyMs,
      workload: {
        functions: { short: { ms: [1, 1] }, mixed: { ms: [1, 1], msOfJobs: jobs } },
        streams: [
          { ...STREAM, functions: ['short'], jobs: 40 },
          { ...STREAM, functions: ['mixed'], jobs: JOBS, startMs: 1_000 },
        ],
      },
    });
    expect(violation).toBeUndefined();
    expect([...executions.values()].every((count) => count === 1)).toBe(true);
    return (makespanMs - 1_000) / greedy(jobs, workers);
  });
  return ratios.sort((a, b) => a - b);
}

describe('jobs of 1 ms, a tenth of which take 50', () => {
  it.each([
    [2, 0, 0],
    [2, 0.1, 0.6],
    [4, 0, 0],
    [4, 0.1, 0.6],
  ])('%i workers, messages of %f to %f ms: the median order takes at most 1.02 times greedy, the worst 1.1 times', (workers, from, to) => {
    const ratios = makespans(workers, [from, to]);
    expect(ratios[Math.floor(ORDERS / 2)]).toBeLessThanOrEqual(1.02);
    expect(ratios.at(-1)).toBeLessThanOrEqual(1.1);
  });

  it('messages that take as long as the jobs cost little', () => {
    for (const workers of [2, 4]) expect(makespans(workers, [0.5, 1.5])[Math.floor(ORDERS / 2)]).toBeLessThanOrEqual(1.05);
  });
});
