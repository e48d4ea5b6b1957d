/** Small worlds with all that can be in one, drawn from a seed: for finding bugs, thousands at a time. */
import { leastLoaded } from '../scheduling/least_loaded.ts';
import { roundRobin } from '../scheduling/round_robin.ts';
import { Random } from './random.ts';
import { type Drawn, richer } from './richer_worlds.ts';
import type { SimulationOptions } from './simulate.ts';
import type { WorkerSpec } from './world.ts';
import { type FunctionSpec, type Range, STREAM, type StreamSpec, type Workload } from './workload.ts';

/** The world of a seed. */
export function smallWorld(seed: number): SimulationOptions {
  const more = new Random(seed, 'more');
  const world = plainWorld(seed);
  return more.chance(0.5) ? richer(more, world) : world;
}

function plainWorld(seed: number): Drawn {
  const random = new Random(seed, 'world');
  const clients = random.whole(1, 2);
  const workers: WorkerSpec[] = [];
  for (let i = random.whole(1, 4); i > 0; i -= 1) workers.push({ slots: random.whole(1, 3), maxParked: random.pick([0, 1, 64]) });
  const count = random.chance(0.1) ? 0 : random.whole(1, 8);
  return {
    seed,
    workers,
    clients,
    workload: drawWorkload(random, clients),
    faults: { count, withinMs: random.pick([50, 500, 4_000]) },
    policy: random.chance(0.35) ? roundRobin() : leastLoaded(),
    patienceMs: PATIENCE_MS,
    maxEvents: 2_000_000,
    config: {
      clientGraceMs: random.pick([3_000, 30_000]),
      bufferBytes: random.pick([100_000, 268_435_456]),
    },
  };
}

function drawWorkload(random: Random, clients: number): Workload {
  const functions = drawFunctions(random);
  const gather = random.chance(0.2) ? random.pick(['merge', 'map'] as const) : undefined;
  const streams: StreamSpec[] = [];
  // Each part that kills costs three workers, one after the other.
  const deadly = Object.values(functions).some(({ kills = 0 }) => kills > 0);
  for (let i = random.whole(1, 3); i > 0; i -= 1) streams.push(drawStream(random, clients, Object.keys(functions), deadly ? 10 : Infinity));
  const scatter = random.chance(gather === undefined ? 0.2 : 0.6) ? ([random.whole(0, 1), random.whole(1, 5)] as const) : undefined;
  return { functions, streams, scatter, gather };
}

const CALLERS: readonly string[] = ['caller', 'outer'];
/** Virtual time that the slowest of them may take. */
const PATIENCE_MS = 600_000;
const DURATIONS: readonly Range[] = [
  [0, 0],
  [0.01, 0.2],
  [0.5, 5],
  [1, 30],
  [20, 300],
];

function drawFunctions(random: Random): Record<string, FunctionSpec> {
  const functions: Record<string, FunctionSpec> = {};
  const some = random.whole(1, 3);
  for (let i = 0; i < some; i += 1) functions[`f${i}`] = drawFunction(random);
  if (random.chance(0.25)) functions['caller'] = { ms: [0.1, 3], calls: 'f0', callJobs: random.whole(1, 3) };
  if (random.chance(0.1) && functions['caller'] !== undefined) functions['outer'] = { ms: [0.1, 3], calls: 'caller' };
  return functions;
}

function drawFunction(random: Random): FunctionSpec {
  const spec = {
    ms: random.pick(DURATIONS),
    blocks: random.chance(0.3),
    bytes: random.pick<Range>([
      [1, 50],
      [1, 20_000],
      [1, 3_000_000],
    ]),
    throws: random.chance(0.2) ? 0.2 : 0,
    kills: random.chance(0.06) ? 0.1 : 0,
    stubborn: random.chance(0.3),
  };
  return random.chance(0.4) ? { ...spec, ms: [spec.ms[0] / 4, spec.ms[1] / 4], results: [random.whole(0, 1), random.whole(1, 12)] } : spec;
}

function drawStream(random: Random, clients: number, names: readonly string[], most: number): StreamSpec {
  const endless = random.chance(0.1);
  const slow = random.chance(0.2);
  const jobs = Math.min(most, random.pick([1, 3, 10, 30, 100]));
  const stream = {
    ...STREAM,
    client: random.int(clients),
    startMs: random.chance(0.5) ? 0 : random.between(0, 1_000),
    functions: random.chance(0.6) ? [random.pick(names)] : names,
    jobs: endless ? Infinity : slow ? Math.min(10, jobs) : jobs,
    bytes: random.pick<Range>([
      [1, 20],
      [1, 5_000],
      [1, 200_000],
    ]),
    everyMs: random.chance(0.3) ? random.between(0.1, 20) : 0,
    failsAfter: random.chance(0.05) ? random.int(20) : Infinity,
    ordered: random.chance(0.35),
    settle: random.chance(0.8),
    messages: endless && random.chance(0.5) ? random.whole(1, 20) : random.chance(0.05) ? random.whole(1, 10) : 0,
    leaveAfter: endless || random.chance(0.07) ? random.whole(1, 15) : Infinity,
    window: random.pick([1, 2, 4, 64, 4_096]),
    takeMs: slow ? random.between(1, 60) : 0,
  };
  // What calls others that call others is much work.
  return stream.functions.some((name) => CALLERS.includes(name)) ? { ...stream, jobs: Math.min(30, stream.jobs) } : stream;
}
