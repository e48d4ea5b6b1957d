/** `gristmill simulate`: plans in virtual time; with `--chaos` looks for bugs in small worlds where all sorts of things go wrong. */
import { leastLoaded } from '../scheduling/least_loaded.ts';
import { roundRobin } from '../scheduling/round_robin.ts';
import { grain } from '../scheduling/grain.ts';
import { grainWorld, type Range, simulate as run, type SimulationResult, smallWorld, STREAM } from '../simulator/index.ts';
import { checkWhole, EXIT, print, StoppedError, UsageError, type Verb, verb } from './verb.ts';

const POLICIES = { leastLoaded, roundRobin, grain } as const;
/** Worlds between two lines of progress. */
const SOAK_EVERY = 500;
/** Virtual time that a plan may take: a month. */
const LONGEST_MS = 2_678_400_000;

interface Args {
  readonly workers: number;
  readonly slots: number;
  readonly clients: number;
  readonly jobs: number;
  readonly 'job-ms': string;
  readonly policy: keyof typeof POLICIES;
  readonly faults: number;
  readonly seed: number | undefined;
  readonly chaos: boolean;
  readonly seeds: number;
  readonly soak: boolean;
}

const whole = (describe: string, value: number): { type: 'number'; requiresArg: true; default: number; describe: string } => ({
  type: 'number',
  requiresArg: true,
  default: value,
  describe,
});

const simulate: Verb = verb(
  (yargs) =>
    yargs
      .usage('$0 simulate\n\nRuns the real master, workers and clients in virtual time, without sockets or processes.')
      .option('workers', whole('How many workers', 4))
      .option('slots', whole('How many parts each runs at a time', 1))
      .option('clients', whole('How many clients', 1))
      .option('jobs', whole('How many jobs, of all clients together', 1_000))
      .option('job-ms', { type: 'string', requiresArg: true, default: '50', describe: 'How long a job takes, in ms: 50, or 20-80' })
      .option('policy', {
        choices: ['leastLoaded', 'roundRobin', 'grain'] as const,
        default: 'leastLoaded' as const,
        describe: 'How parts are placed',
      })
      .option('faults', { ...whole('How many things go wrong meanwhile', 0) })
      .option('seed', { type: 'number', requiresArg: true, describe: 'The same seed gives the same course of things' })
      .option('chaos', {
        type: 'boolean',
        default: false,
        describe: 'Small worlds with all kinds of faults, to find bugs; --seed tells one (--policy grain: its twin with resources)',
      })
      .option('seeds', whole('With --chaos: how many worlds', 2_000))
      .option('soak', { type: 'boolean', default: false, describe: 'With --chaos: one world after the other until it is stopped' })
      .example('$0 simulate --workers 1000 --jobs 100000 --job-ms 50', 'How long would that take?')
      .example('$0 simulate --chaos --seed 7', 'What happens in world 7'),
  async (args: Args) => {
    if (args.seed !== undefined && !Number.isSafeInteger(args.seed))
      throw new UsageError(`--seed: expected a whole number, got ${args.seed}`);
    const seed = args.seed ?? seedFromEnvironment();
    if (!args.chaos && !args.soak && seed === undefined) return await plan(args, 1);
    if (!args.chaos && !args.soak && args.seed !== undefined) return await plan(args, args.seed);
    if (args.soak) return await search(seed ?? Date.now(), Infinity);
    if (seed !== undefined) return await replay(seed, args.policy);
    checkWhole('--seeds', args.seeds, 1_000_000_000);
    return await search(1, args.seeds);
  },
);

function seedFromEnvironment(): number | undefined {
  const { SEED } = process.env;
  if (SEED === undefined || SEED === '') return undefined;
  if (!/^\d+$/.test(SEED)) throw new UsageError(`SEED: expected a whole number, got '${SEED}'`);
  return Number(SEED);
}

async function plan(args: Args, seed: number): Promise<number> {
  for (const [option, value, max] of [
    ['--workers', args.workers, 100_000],
    ['--slots', args.slots, 10_000],
    ['--clients', args.clients, 10_000],
    ['--jobs', args.jobs, 100_000_000],
  ] as const)
    checkWhole(option, value, max);
  const ms = readRange(args['job-ms']);
  const streams = Array.from({ length: args.clients }, (_, client) => {
    const jobs = Math.floor(args.jobs / args.clients) + (client < args.jobs % args.clients ? 1 : 0);
    return { ...STREAM, client, jobs };
  });
  const estimateMs = (args.jobs * (ms[0] + ms[1])) / 2 / (args.workers * args.slots);
  const startedMs = performance.now();
  const result = run({
    seed,
    workers: Array.from({ length: args.workers }, () => ({ slots: args.slots })),
    clients: args.clients,
    workload: { functions: { work: { ms } }, streams },
    faults: { count: args.faults, withinMs: estimateMs },
    policy: POLICIES[args.policy](),
    chaotic: args.faults > 0,
    history: false,
    patienceMs: LONGEST_MS,
  });
  await print(table(args, result, performance.now() - startedMs));
  return result.violation === undefined ? EXIT.ok : EXIT.failed;
}

function readRange(text: string): Range {
  const [, from, to = from] = /^(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))?$/.exec(text) ?? [];
  if (from === undefined || Number(to) < Number(from)) throw new UsageError(`--job-ms: expected ms, as 50 or 20-80, got '${text}'`);
  return [Number(from), Number(to)];
}

function table(args: Args, result: SimulationResult, tookMs: number): string {
  const again = [...result.executions.values()].filter((count) => count > 1).length;
  const rows: [string, string][] = [
    ['workers', `${args.workers} of ${args.slots} ${args.slots === 1 ? 'slot' : 'slots'}, ${args.policy}`],
    ['jobs', `${args.jobs} of ${args['job-ms']} ms, from ${args.clients} ${args.clients === 1 ? 'client' : 'clients'}`],
    ['makespan', `${(result.makespanMs / 1_000).toFixed(2)} s`],
    ['utilisation', `${(result.utilisation * 100).toFixed(1)} %`],
    ['jobs/s', ((args.jobs / result.makespanMs) * 1_000).toFixed(0)],
    ['run more than once', String(again)],
    ...Object.entries(result.peaks).map(([name, count]): [string, string] => [`most ${name}`, String(count)]),
    ['simulated', `${result.events} events in ${(tookMs / 1_000).toFixed(1)} s`],
  ];
  if (result.violation !== undefined) rows.push(['what must not happen', result.violation]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return `${rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')}\n`;
}

/** One world, told. */
async function replay(seed: number, policy: Args['policy']): Promise<number> {
  const result = run(policy === 'grain' ? grainWorld(seed) : smallWorld(seed));
  await print(`${result.story().join('\n')}\n\nworld ${seed}: ${result.events} events in ${(result.makespanMs / 1_000).toFixed(3)} s\n`);
  if (result.violation === undefined) return EXIT.ok;
  await print(`what must not happen: ${result.violation}\n`);
  return EXIT.failed;
}

/** Worlds one after the other, until one does what must not happen. */
async function search(first: number, count: number): Promise<number> {
  const stopped: ('SIGINT' | 'SIGTERM')[] = [];
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => void stopped.push(signal);
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const startedMs = performance.now();
  let done = 0;
  const rate = (): string => ((done / (performance.now() - startedMs)) * 1_000).toFixed(0);
  for (let seed = first; done < count && stopped.length === 0; seed += 1) {
    for (const [world, how] of [
      [smallWorld(seed), ''],
      [grainWorld(seed), ' -- --policy grain'],
    ] as const) {
      const { violation } = run({ ...world, history: false });
      done += 1;
      if (violation === undefined) continue;
      await print(`world ${seed}: ${violation}\nto see it: SEED=${seed} npm run simulate${how}\n`);
      return EXIT.failed;
    }
    if (done % SOAK_EVERY === 0) await print(`${done} worlds, ${rate()} a second\n`);
    // Lets signals in.
    await new Promise(setImmediate);
  }
  await print(`${done} worlds from ${first} on, ${rate()} a second: nothing happened that must not\n`);
  const [signal] = stopped;
  if (signal !== undefined) throw new StoppedError(signal);
  return EXIT.ok;
}

export default simulate;
