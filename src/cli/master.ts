/** `gristmill master [FILE]` */
import { Master, type MasterOptions } from '../specialized/master.ts';
import { grain } from '../scheduling/grain.ts';
import { leastLoaded } from '../scheduling/least_loaded.ts';
import { roundRobin } from '../scheduling/round_robin.ts';
import { specializedTypes } from './config.ts';
import { findFile, leaveToNode, loadClass } from './load_class.ts';
import { asUsage, checkWhole, complain, DEFAULT_ADDRESS, EXIT, print, UsageError, type Verb, verb } from './verb.ts';

const POLICIES = { leastLoaded, roundRobin, grain } as const;

const master: Verb = verb(
  (yargs) =>
    yargs
      .usage('$0 master [FILE]\n\nRuns a master until SIGINT or SIGTERM; then it lets the streams under way end, for 10 seconds at most.')
      .positional('file', { type: 'string', describe: 'A module whose default or only export is a class that extends Master' })
      .option('address', {
        alias: 'a',
        type: 'string',
        requiresArg: true,
        default: DEFAULT_ADDRESS,
        describe: 'Where to listen; tcp://127.0.0.1:* takes a free port',
      })
      .option('policy', {
        choices: ['leastLoaded', 'roundRobin', 'grain'] as const,
        default: 'leastLoaded' as const,
        describe: 'Which worker gets what: see the README',
      })
      .option('name', { alias: 'n', type: 'string', requiresArg: true, default: 'master', describe: 'What peers and messages call it' })
      .option('dial', {
        type: 'string',
        array: true,
        requiresArg: true,
        default: [] as string[],
        describe: 'Where a worker listens (gristmill worker --listen) that this master dials; may be repeated',
      })
      .option('specialized', {
        type: 'string',
        array: true,
        requiresArg: true,
        default: [] as string[],
        describe: 'The module of specialized workers that are welcome, for the tasklets of FILE; default: as for workers, gristmill.toml',
      })
      .option('insecure', {
        type: 'boolean',
        default: false,
        describe: 'Allow an address that other machines can reach; nothing is encrypted',
      })
      .option('cache-bytes', { type: 'number', requiresArg: true, describe: 'What the cache may hold, in bytes (256 MiB)' })
      .option('max-message-bytes', { type: 'number', requiresArg: true, describe: 'The largest payload, in bytes (64 MiB)' })
      .example('$0 master', 'A plain master')
      .example('$0 master ./my_master.js -a "tcp://0.0.0.0:5555" --insecure', 'One of your own, for other machines too'),
  async (args) => {
    const Chosen = await chooseClass(args.file);
    const options: MasterOptions = {
      name: args.name,
      address: args.address,
      policy: POLICIES[args.policy](),
      insecure: args.insecure,
      specializedType: await specializedTypes(args.specialized),
      ...(args['cache-bytes'] === undefined ? {} : { cache: { maxBytes: args['cache-bytes'] } }),
      ...(args['max-message-bytes'] === undefined ? {} : { maxMessageBytes: args['max-message-bytes'] }),
    };
    for (const option of ['cache-bytes', 'max-message-bytes'] as const)
      if (args[option] !== undefined) checkWhole(`--${option}`, args[option], Number.MAX_SAFE_INTEGER);
    const started = asUsage(() => new Chosen(options));
    for (const address of args.dial) asUsage(() => started.dial(address));
    const closed = started.events.once('closed');
    await started.start({ signals: true });
    await print(`${started.name} listens at ${started.address}\n`);
    const { error } = await closed;
    return error === undefined ? EXIT.ok : complain(error.message, EXIT.failed);
  },
);

async function chooseClass(file: string | undefined): Promise<typeof Master> {
  if (file === undefined) return Master;
  const path = await findFile(file);
  const found = await loadClass(path, 'Master').catch((error: unknown) => {
    if (error instanceof SyntaxError) return leaveToNode(error);
    throw error;
  });
  if (found === undefined) throw new UsageError(`${file}: exports no class that extends Master; if it starts one itself: node ${file}`);
  return found as typeof Master;
}

export default master;
