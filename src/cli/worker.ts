/** `gristmill worker FILE [NAME]` */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findFile } from './load_class.ts';
import { superviseAll } from './supervisor.ts';
import { addressOption, asUsage, checkWhole, toMs, UsageError, type Verb, verb } from './verb.ts';
import { listenAddress, parseAddress } from '../transport/addresses.ts';

const MAX_COUNT = 1_000;
const MAX_SLOTS = 65_536;

const worker: Verb = verb(
  (yargs) =>
    addressOption(
      yargs
        .usage(
          '$0 worker FILE [NAME]\n\nRuns workers, each a process of its own, until SIGINT or SIGTERM; then they finish what runs, within the deadline.\n' +
            'A worker that crashes is started again: at once, then after 0.2 s, 0.4 s, … 30 s.',
        )
        .positional('file', {
          type: 'string',
          demandOption: true,
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
        .example('$0 worker ./worker.js -l "tcp://*:4242" --insecure', 'One that a master dials')
        .example('$0 worker ./worker.js --count 4 -a tcp://10.0.0.1:5555', 'worker1 to worker4, for a master elsewhere'),
    ),
  async ({ file, name, address, listen, insecure, isolate, count, slots, deadline }) => {
    checkWhole('--count', count, MAX_COUNT);
    checkWhole('--slots', slots, MAX_SLOTS);
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

function checkAddress(address: string): string {
  asUsage(() => parseAddress(address, '--address'));
  return address;
}

function checkListen(listen: string, insecure: boolean, count: number): string {
  asUsage(() => listenAddress('--listen', listen, insecure));
  if (count > 1 && !/^tcp:.*:\*$/.test(listen))
    throw new UsageError(`--listen: ${count} workers cannot share ${listen}; the port * gives each its own`);
  return listen;
}

export default worker;
