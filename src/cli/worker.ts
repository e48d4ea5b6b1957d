/** `gristmill worker FILE [NAME]` */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { specializedTypes } from './config.ts';
import { findFile } from './load_class.ts';
import { superviseAll } from './supervisor.ts';
import { addressOption, asUsage, checkWhole, toMs, UsageError, type Verb, verb } from './verb.ts';
import { dialAddresses, listenAddress } from '../transport/addresses.ts';

const MAX_COUNT = 1_000;
const MAX_SLOTS = 65_536;

const worker: Verb = verb(
  (yargs) =>
    addressOption(
      yargs
        .usage(
          '$0 worker FILE [NAME]\n\nRuns workers, each a process of its own, until SIGINT or SIGTERM; then they finish what runs, within the deadline.\n' +
            'A worker that crashes, or whose process ends while it serves, is started again: at once, then after 0.2 s, 0.4 s, … 30 s.',
        )
        .positional('file', {
          type: 'string',
          describe:
            'A module whose default or only export is a class that extends Worker; or a program that is run as: node FILE NAME ADDRESS',
        })
        .positional('name', {
          type: 'string',
          default: 'worker',
          describe: 'What master and messages call it; with --count a number is added',
        })
        .option('count', { alias: 'c', type: 'number', requiresArg: true, default: 1, describe: 'How many processes' })
        .option('listen', {
          alias: 'l',
          type: 'string',
          requiresArg: true,
          describe: 'Where a master dials the worker, instead of --address (for an exported class)',
        })
        .option('insecure', {
          type: 'boolean',
          default: false,
          describe: 'Allow a --listen that other machines can reach; nothing is encrypted',
        })
        .option('specialized', {
          type: 'string',
          requiresArg: true,
          describe: 'Instead of FILE: the module of a specialized worker; default: specialized_type under [worker] in gristmill.toml',
        })
        .option('slots', {
          type: 'number',
          requiresArg: true,
          default: 1,
          describe: 'How many jobs each runs at a time (for an exported class)',
        })
        .option('isolate', {
          type: 'boolean',
          default: false,
          describe: 'Run each job in a process that can be killed (for an exported class)',
        })
        .option('deadline', {
          type: 'number',
          requiresArg: true,
          default: 10,
          describe: 'Seconds that running jobs get when it is stopped',
        })
        .example('$0 worker ./worker.js worker1', 'One worker')
        .example('$0 worker --specialized cool_package/the_sworker', 'A specialized worker')
        .example('$0 worker ./worker.js -l "tcp://*:4242" --insecure', 'One that a master dials')
        .example('$0 worker ./worker.js --count 4 -a tcp://10.0.0.1:5555', 'worker1 to worker4, for a master elsewhere'),
    ),
  async (args) => {
    const { file, name, address, listen, insecure, isolate, count, slots, deadline } = args;
    checkWhole('--count', count, MAX_COUNT);
    checkWhole('--slots', slots, MAX_SLOTS);
    if (file !== undefined && args.specialized !== undefined) throw new UsageError(`expected FILE or --specialized, got both`);
    if (file === undefined) return await runSpecialized(args);
    if (name === '') throw new UsageError('the name is empty');
    const meeting = listen === undefined ? { address: checkAddress(address) } : { listen: checkListen(listen, insecure, count), insecure };
    const deadlineMs = toMs('--deadline', deadline);
    const path = await findFile(file);
    const names = count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}${index + 1}`);
    const host = fileURLToPath(new URL('../cli/worker_process.js', import.meta.url));
    return await superviseAll({
      names,
      deadlineMs,
      start: (worker) =>
        fork(host, [path, JSON.stringify({ name: worker, ...meeting, slots, isolate }), String(deadlineMs)], {
          stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        }),
    });
  },
);

interface Specialized {
  readonly specialized: string | undefined;
  readonly address: string;
  readonly listen: string | undefined;
  readonly count: number;
  readonly slots: number;
  readonly deadline: number;
}

/** Specialized workers: each instance a process of its own, whose group goes with it. */
async function runSpecialized({ specialized, address, listen, count, slots, deadline }: Specialized): Promise<number> {
  const [specializedType] = await specializedTypes(specialized === undefined ? [] : [specialized]);
  if (specializedType === undefined) throw new UsageError('expected FILE, or --specialized MODULE');
  if (listen !== undefined) throw new UsageError('--listen: a specialized worker dials its head');
  const options = { specializedType, address: checkAddress(address), slots };
  const host = fileURLToPath(new URL('../cli/specialized_process.js', import.meta.url));
  return await superviseAll({
    names: Array.from({ length: count }, (_, index) => `${specializedType}${count === 1 ? '' : ` ${index + 1}`}`),
    deadlineMs: toMs('--deadline', deadline),
    start: () => {
      const child = fork(host, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
      // A server that a crashed worker has started would be nobody's.
      child.once('exit', () => child.pid !== undefined && killGroup(child.pid));
      return child;
    },
  });
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function checkAddress(address: string): string {
  asUsage(() => dialAddresses('--address', address));
  return address;
}

function checkListen(listen: string, insecure: boolean, count: number): string {
  asUsage(() => listenAddress('--listen', listen, insecure));
  if (count > 1 && !/^tcp:.*:\*$/.test(listen))
    throw new UsageError(`--listen: ${count} workers cannot share ${listen}; the port * gives each its own`);
  return listen;
}

export default worker;
