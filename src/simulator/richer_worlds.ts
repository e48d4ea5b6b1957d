/** What half of the small worlds have besides: rules of jobs, cancelling, the cache, workers that differ, heartbeats, a second master. */
import { drawFaults, type Fault, type FaultSpec } from './faults.ts';
import { Random } from './random.ts';
import type { SimulationOptions } from './simulate.ts';
import type { FunctionSpec, Range, Rules, StreamSpec, Workload } from './workload.ts';
import type { WorkerSpec } from './world.ts';

/** A world that can have more. */
export interface Drawn extends SimulationOptions {
  readonly workers: readonly WorkerSpec[];
  readonly faults: FaultSpec;
}

export function richer(random: Random, world: Drawn): SimulationOptions {
  const workload = richerWorkload(random, world.workload);
  const differ = random.chance(0.35) && world.policy?.name !== 'roundRobin';
  const workers = differ ? differing(random, world.workers, Object.keys(workload.functions)) : world.workers;
  const hearts = random.chance(0.12) ? random.pick([100, 500]) : 0;
  const config = { ...world.config, heartbeatMs: hearts };
  const failover = random.chance(0.2) ? failingOver(random, world) : undefined;
  const echoes = random.chance(0.3) ? echoing(random, world) : undefined;
  return {
    ...world,
    workload,
    workers,
    config,
    notices: hearts === 0,
    masters: failover === undefined ? 1 : 2,
    faults: failover ?? echoes ?? world.faults,
  };
}

function richerWorkload(random: Random, workload: Workload): Workload {
  const functions = Object.fromEntries(Object.entries(workload.functions).map(([name, spec]) => [name, richerFunction(random, spec)]));
  const streams = workload.streams.map((stream) => richerStream(random, stream));
  const cache = {
    calls: random.pick([5, 50, 300]),
    everyMs: random.pick(PAUSES),
    keys: random.pick([1, 5, 100]),
    bytes: [1, 5_000],
  } as const;
  return { ...workload, functions, streams, cache: random.chance(0.3) ? cache : undefined };
}

const PAUSES: readonly Range[] = [
  [0, 0],
  [0, 5],
  [1, 50],
];

function richerFunction(random: Random, spec: FunctionSpec): FunctionSpec {
  const throws = random.chance(0.3) ? { throws: 0.3, throwsTimes: [1, 3] as const } : {};
  return { ...spec, ...throws, asks: random.chance(0.15) };
}

function richerStream(random: Random, stream: StreamSpec): StreamSpec {
  const cancels = {
    share: random.pick([0.1, 0.5, 1]),
    afterMs: random.pick<Range>([
      [0, 0],
      [0, 5],
      [0, 200],
    ]),
  };
  return {
    ...stream,
    ...rules(random, 0.5, 0.25),
    own: random.chance(0.2) ? { ...rules(random, 0.5, 0.5), share: 0.5 } : undefined,
    // Who cancels all jobs of an endless source waits for ever.
    cancels: random.chance(0.25) && stream.jobs < Infinity ? cancels : undefined,
    stopAfterMs: random.chance(0.08) ? random.between(0, 500) : Infinity,
  };
}

const RETRIES: readonly Rules['retries'][] = [
  1,
  2,
  { attempts: 3, minMs: 1, maxMs: 50, factor: 3 },
  { attempts: 2, minMs: 5, on: ['timed-out'] },
  { attempts: 2, minMs: 1, on: ['function-threw', 'timed-out'] },
];

function rules(random: Random, retries: number, timeouts: number): Rules {
  return {
    retries: random.chance(retries) ? random.pick(RETRIES) : undefined,
    timeoutMs: random.chance(timeouts) ? random.pick([1, 5, 30, 200]) : undefined,
  };
}

/** Each worker serves some functions, and each function has a worker. */
function differing(random: Random, workers: readonly WorkerSpec[], names: readonly string[]): WorkerSpec[] {
  return workers.map((spec, i) => {
    const functions = names.filter((_, at) => at % workers.length === i || random.chance(0.3));
    return { ...spec, functions: functions.length === 0 ? [random.pick(names)] : functions };
  });
}

/** What breaks breaks again before it is whole, and the master reads of both at once. */
function echoing(random: Random, { seed, faults, workers, clients }: Drawn): Fault[] {
  const drawn = drawFaults(new Random(seed, 'faults'), faults, workers.length, clients);
  const again = drawn.filter(({ kind }) => kind === 'cut').map((fault): Fault => ({ ...fault, atMs: fault.atMs + random.between(1, 25) }));
  const blocks = again.map((fault): Fault => ({
    ...fault,
    kind: 'block',
    role: 'master',
    which: 0,
    atMs: fault.atMs - 2,
    ms: random.between(5, 80),
  }));
  return [...drawn, ...again, ...blocks].sort((a, b) => a.atMs - b.atMs);
}

/** The first master dies and does not come back; or it does, and then the second dies. Which is left in the end, all come to. */
function failingOver(random: Random, { seed, faults, workers, clients }: Drawn): Fault[] {
  const others = drawFaults(new Random(seed, 'faults'), faults, workers.length, clients).filter(({ role }) => role !== 'master');
  const about = { role: 'master', plug: 'dealer', direction: 'both' } as const;
  const atMs = random.between(0, faults.withinMs);
  const dies = (which: number, at: number): Fault => ({ ...about, kind: 'die', which, atMs: at, ms: 0, silent: random.chance(0.3) });
  if (random.chance(0.5)) return [...others, dies(0, atMs)];
  const ms = random.between(500, 5_000);
  const crash: Fault = { ...about, kind: 'crash', which: 0, atMs, ms, silent: random.chance(0.3) };
  return [...others, crash, dies(1, atMs + random.between(1_000, 8_000))];
}
