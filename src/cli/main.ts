#!/usr/bin/env node
/** The command. Each verb is a file of its own, which is loaded when it is asked for. */
import '../wiring.ts';
import { readFileSync } from 'node:fs';
import yargs, { type Argv } from 'yargs';
import { hideBin } from 'yargs/helpers';
import { complain, EXIT, report, type Verb } from './verb.ts';

interface Listed {
  readonly command: string;
  readonly describe: string;
  readonly load: () => Promise<{ readonly default: Verb }>;
}

const VERBS: readonly Listed[] = [
  { command: 'master [file]', describe: 'Run a master: a plain one, or the class that FILE exports', load: () => import('./master.ts') },
  {
    command: 'worker [file] [name]',
    describe: 'Run workers, each a process, and restart those that crash',
    load: () => import('./worker.ts'),
  },
  {
    command: 'job <function> [files..]',
    describe: 'Send each file, or stdin, as a job; print the results',
    load: () => import('./job.ts'),
  },
  { command: 'cache <operation> <key> [value]', describe: 'Get, set or delete a value of the master', load: () => import('./cache.ts') },
  { command: 'status', describe: 'Say what a master is doing', load: () => import('./status.ts') },
  { command: 'explain', describe: 'Say why jobs wait', load: () => import('./explain.ts') },
  {
    command: 'simulate',
    describe: 'Run master, workers and clients in virtual time: to plan, or to find bugs',
    load: () => import('./simulate.ts'),
  },
  { command: 'demo', describe: 'Run the first five examples, each role a process of its own', load: () => import('./demo.ts') },
];

const EXAMPLES = [
  ['$0 master', 'A master at tcp://127.0.0.1:5555'],
  ['$0 worker ./worker.js --count 4', 'Four processes of the worker in worker.js'],
  ['$0 job resize *.png > out', 'Each file a job, the results in the order of the files'],
  ['$0 status --json', 'For scripts'],
] as const;

const CODES = `Exit codes:
  0  done
  1  it failed: a job, a key that is not there, an address in use, a worker that had to be killed
  2  the arguments are wrong
  3  no master answered within --timeout, or it refused`;

function readVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}

/**
 * Stands before an argument that is no option, although it begins with `-`: `-` itself, which yargs would lose, and whatever comes after
 * `--`, which it would not take for a positional. No argument can have a NUL.
 */
const LITERAL = '\0';

function marked(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  const isLiteral = (arg: string, at: number): boolean => arg === '-' || (end >= 0 && at > end && arg.startsWith('-'));
  return args.flatMap((arg, at) => (at === end ? [] : [isLiteral(arg, at) ? LITERAL + arg : arg]));
}

/** What yargs has read, as the user said it. */
function unmarked(read: unknown): unknown {
  if (typeof read === 'string') return read.replace(LITERAL, '');
  if (Array.isArray(read)) return read.map(unmarked);
  if (read === null || typeof read !== 'object') return read;
  return Object.fromEntries(Object.entries(read).map(([name, value]) => [name, unmarked(value)]));
}

/** Resolves to the exit code. */
async function main(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok;
  let wrong: string | undefined;
  let verbName = '';
  const root: Argv = yargs(marked(args))
    .scriptName('gristmill')
    .locale('en')
    .usage('$0 <command>\n\nStreams binary jobs through a master to workers, and the results back.')
    .strict()
    .version(readVersion())
    .help()
    .alias({ help: 'h', version: 'V' })
    .wrap(120)
    .example(EXAMPLES.map(([command, about]) => [command, about]))
    .epilogue(CODES)
    .demandCommand(1, 'which command?')

    .exitProcess(false)
    .fail((message: string | null, error?: Error) => {
      wrong ??= message ?? error?.message ?? 'wrong arguments';
    });
  for (const { command, describe, load } of VERBS) {
    root.command({
      command,
      describe,
      builder: async (inner: Argv) => {
        verbName = command.split(' ', 1).join('');
        return (await load()).default.options(inner);
      },
      handler: async (parsed) => {
        if (wrong !== undefined) return;
        try {
          exitCode = await (await load()).default.run(unmarked(parsed));
        } catch (error) {
          exitCode = report(error, verbName);
        }
      },
    });
  }
  try {
    await root.parseAsync();
  } catch (error) {
    // What yargs finds after a builder that is async it throws, and does not hand to `fail`.
    wrong ??= (error as Error).message;
  }
  if (wrong === undefined) return exitCode;
  return complain(wrong.replaceAll(LITERAL, ''), EXIT.usage, `Try 'gristmill ${verbName === '' ? '' : `${verbName} `}--help'.`);
}

// `print` says it to who waits for it.
process.stdout.on('error', () => undefined);

process.exit(await main(hideBin(process.argv)));
