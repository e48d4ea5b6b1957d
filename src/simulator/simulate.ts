/** Runs a world to its end, and says what happened. */
import type { MasterConfig } from '../master/core.ts';
import { leastLoaded } from '../scheduling/least_loaded.ts';
import type { PolicyChoice } from '../scheduling/policy.ts';
import { closeWorld } from './closing_world.ts';
import { drawFaults, type Fault, type FaultSpec } from './faults.ts';
import { inject, overAtMs } from './injecting.ts';
import { Violation } from './kernel.ts';
import { tell } from './log.ts';
import { Peaks } from './peaks.ts';
import { Random } from './random.ts';
import { World, type WorkerSpec } from './world.ts';
import type { Range, Workload } from './workload.ts';

export interface SimulationOptions {
  /** A whole number: the same seed and options give the same history. */
  readonly seed: number;
  /** How many, each with one slot; or each by itself. */
  readonly workers: number | readonly WorkerSpec[];
  readonly clients: number;
  readonly workload: Workload;
  /** Each fault, or how many to draw. Default: none. */
  readonly faults?: FaultSpec | readonly Fault[] | undefined;
  /** With 2, clients and workers know a second master, and use it when the first is gone. Default: 1. */
  readonly masters?: 1 | 2 | undefined;
  /** Whether sockets tell of lost peers; else the master listens for heartbeats (`config.heartbeatMs`). Default: true. */
  readonly notices?: boolean | undefined;
  /** Default: `leastLoaded()`. */
  readonly policy?: PolicyChoice | undefined;
  /** Whether the order of things that may happen in any order is drawn at random. Default: true; false is faster, for planning. */
  readonly chaotic?: boolean | undefined;
  /** How long a message is on its way, in ms, from and to, if not chaotic. Default: always 0.1. */
  readonly latencyMs?: Range | undefined;
  /** Whether to keep the history. Default: true. */
  readonly history?: boolean | undefined;
  /** Changes of the master's configuration. */
  readonly config?: Partial<MasterConfig> | undefined;
  /** Virtual time after the last fault in which all streams must end. Default: 120 s. */
  readonly patienceMs?: number | undefined;
  /** How many events the machines may have: a world that has more goes round in circles. Default: any number. */
  readonly maxEvents?: number | undefined;
}

export interface SimulationResult {
  readonly seed: number;
  /** What happened that must not; undefined: nothing did. */
  readonly violation: string | undefined;
  /** Virtual time until the last stream had ended. */
  readonly makespanMs: number;
  /** How much of that time the workers' slots were in use, from 0 to 1. */
  readonly utilisation: number;
  /** How often each part was run, by 'stream/job/part'. */
  readonly executions: ReadonlyMap<string, number>;
  readonly peaks: Readonly<Record<string, number>>;
  readonly faults: readonly Fault[];
  /** Events of all machines. */
  readonly events: number;
  /** Everything that happened, a line for each event: equal for equal seeds. */
  history(): string;
  /** The same for people; `about`: only lines that hold this text, with those that belong to them. */
  story(about?: string): string[];
}

const PATIENCE_MS = 120_000;
const CLOSING_MS = 20_000;

/** Runs master, workers and clients, the real state machines, in virtual time. Never throws for what happens in there. */
export function simulate(options: SimulationOptions): SimulationResult {
  const {
    seed,
    clients,
    workload,
    config = {},
    policy = leastLoaded(),
    chaotic = true,
    latencyMs = [0.1, 0.1],
    history = true,
    masters = 1,
    notices = true,
  } = options;
  const workers = typeof options.workers === 'number' ? Array.from({ length: options.workers }, () => ({ slots: 1 })) : options.workers;
  const faults = facedFaults(options, workers.length);
  let violation: string | undefined;
  const world = new World({
    seed,
    workers,
    clients,
    workload,
    policy,
    masters,
    notices,
    calm: faults.length === 0,
    chaotic,
    latencyMs,
    keepsLog: history,
    config,
  });
  const peaks = new Peaks(world);
  let makespanMs = 0;
  try {
    for (const fault of faults) inject(world, fault);
    run(world, peaks, faults, options);
    makespanMs = world.kernel.nowMs;
    peaks.freeze();
    closeWorld(world, faults, CLOSING_MS);
  } catch (error) {
    violation =
      error instanceof Violation ? error.message : `a bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    makespanMs = makespanMs === 0 ? world.kernel.nowMs : makespanMs;
  }
  const slots = world.specs.reduce((sum, spec) => sum + spec.slots, 0);
  return {
    seed,
    violation,
    makespanMs,
    utilisation: makespanMs === 0 ? 0 : peaks.busyMs / (slots * makespanMs),
    executions: world.executions.counts(),
    peaks: peaks.counts,
    faults,
    events: world.kernel.log.count,
    history: () => world.kernel.log.text(),
    story: (about) => tell(world.kernel.log.entries, about === undefined ? undefined : (line) => line.includes(about)),
  };
}

function facedFaults({ seed, clients, faults }: SimulationOptions, workers: number): readonly Fault[] {
  if (faults === undefined) return [];
  if ('count' in faults) return drawFaults(new Random(seed, 'faults'), faults, workers, clients);
  return faults;
}

/** Until every stream has ended. */
function run(
  world: World,
  peaks: Peaks,
  faults: readonly Fault[],
  { patienceMs = PATIENCE_MS, maxEvents = Infinity }: SimulationOptions,
): void {
  const { kernel } = world;
  const lastMs = Math.max(0, ...world.options.workload.streams.map(({ startMs }) => startMs), ...faults.map(overAtMs));
  const limitMs = lastMs + patienceMs;
  while (!world.isDone) {
    if (kernel.log.count > maxEvents) kernel.blame(`after ${maxEvents} events these streams have not ended: ${stuck(world)}`);
    if (kernel.agenda.step(limitMs)) peaks.look();
    else
      kernel.blame(`after ${Math.round(limitMs)} ms, ${patienceMs} ms since the last fault, these streams have not ended: ${stuck(world)}`);
  }
}

function stuck(world: World): string {
  const streams = world.openStreams.map(
    ({ known, reader, witness }) => `${known.id} (${witness.ended} of ${reader.given} jobs ended, ${reader.untaken} results not taken)`,
  );
  const calls = world.clients.filter((client) => !client.isDone).map(({ name }) => `calls of ${name} to the cache`);
  const masters = world.masters.map((master) => JSON.stringify(master?.machine.status));
  return `${[...streams, ...calls].join(', ')}; the master: ${masters.join('; ')}`;
}
