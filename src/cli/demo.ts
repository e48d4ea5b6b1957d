/** `gristmill demo`: every example with real processes, one after the other. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkCached, checkSums, checkWorkers, sizeOf } from './demo_checks.ts';
import { type Player, Stage } from './stage.ts';
import { complain, EXIT, print, StoppedError, UsageError, type Verb, verb } from './verb.ts';

/** All examples together; what takes longer hangs. */
const DEADLINE_MS = 55_000;
/** More than this is not summed up unasked. */
const MAX_FOLDER_BYTES = 1_073_741_824;
/** Of a long output only the beginning and the end are shown. */
const SHOWN_LINES = 40;
const SHOWN_ENDS = 4;

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Example {
  readonly name: string;
  readonly about: string;
  readonly args?: readonly string[];
  readonly check: (lines: readonly string[]) => string | undefined;
}

const demo: Verb = verb(
  (yargs) =>
    yargs
      .usage(
        '$0 demo\n\nRuns the first five examples: a master, two workers and a client, each a process of its own; shows what they print, and checks it.',
      )
      .option('folder', { type: 'string', requiresArg: true, describe: 'What the checksum example sums up (node_modules)' }),
  async (args) => {
    const folder = resolve(args.folder ?? defaultFolder());
    if (sizeOf(folder) === 0) throw new UsageError(`--folder: expected a folder with files in it, got '${args.folder}'`);
    const interruption = new Interruption();
    const failed: string[] = [];
    try {
      for (const example of examples(folder)) {
        const problem = await perform(example, interruption.promise);
        if (problem === undefined) continue;
        failed.push(example.name);
        await print(`   FAILED: ${problem}\n`);
      }
    } finally {
      interruption.clear();
    }
    if (failed.length > 0) return complain(`failed: ${failed.join(', ')}`, EXIT.failed);
    await print('\nall examples printed what they should\n');
    return EXIT.ok;
  },
);

function defaultFolder(): string {
  const modules = `${root}node_modules`;
  const bytes = sizeOf(modules);
  return bytes > 0 && bytes <= MAX_FOLDER_BYTES ? modules : `${root}dist`;
}

function examples(folder: string): Example[] {
  const startedMs = Date.now();
  return [
    {
      name: 'standalone_parallel',
      about: 'ten jobs, two workers',
      check: (lines) => checkWorkers(lines, 10, ' processed a message'),
    },
    { name: 'cache', about: 'the client sets a value, the workers use it', check: (lines) => checkCached(lines, 10) },
    { name: 'scatter', about: 'the master sends each message three times', check: (lines) => checkCached(lines, 30) },
    { name: 'gather', about: 'the master replaces the 30th result', check: (lines) => checkCached(lines, 29, 'Final message') },
    {
      name: 'checksum',
      about: `the SHA-256 of each file of ${folder}`,
      args: [folder],
      check: (lines) => checkSums(lines, folder, startedMs),
    },
  ];
}

/** Answers what was wrong, or undefined. */
async function perform({ name, about, args = [], check }: Example, interrupted: Promise<never>): Promise<string | undefined> {
  await print(`\n── ${name}: ${about}\n`);
  const startedMs = performance.now();
  const output = new Output();
  const stage = new Stage((who, line) => output.show(who, line));
  try {
    const client = await Promise.race([play(stage, `${root}examples/${name}/`, args), interrupted]);
    await output.end();
    await print(`   ${client.lines.length} lines in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s\n`);
    return check(client.lines);
  } catch (error) {
    if (error instanceof StoppedError) throw error;
    return (error as Error).message;
  } finally {
    await stage.close();
  }
}

async function play(stage: Stage, folder: string, args: readonly string[]): Promise<Player> {
  const master = stage.start('master', `${folder}master.js`, ['tcp://127.0.0.1:*']);
  const [, address = ''] = await master.line(/ listens at (\S+)$/);
  const workers = ['worker1', 'worker2'].map((name) => stage.start(name, `${folder}worker.js`, [name, address]));
  await Promise.all(workers.map((worker) => worker.line(/ is ready$/)));
  const client = stage.start('client', `${folder}client.js`, [...args, address]);
  const code = await client.ended;
  if (code !== 0) throw new Error(`the client ended with exit code ${code}`);
  return client;
}

/** Rejects at a signal, or when all has taken too long. */
class Interruption {
  readonly promise: Promise<never>;
  clear: () => void = () => undefined;

  constructor() {
    this.promise = new Promise<never>((_, reject) => {
      const stop = (signal: 'SIGINT' | 'SIGTERM'): void => reject(new StoppedError(signal));
      const timer = setTimeout(() => reject(new Error(`not done after ${DEADLINE_MS / 1_000} s`)), DEADLINE_MS);
      process.on('SIGINT', stop).on('SIGTERM', stop);
      this.clear = () => {
        clearTimeout(timer);
        process.off('SIGINT', stop).off('SIGTERM', stop);
      };
    });
    // Between two examples nobody waits for it.
    this.promise.catch(() => undefined);
  }
}

/** Shows who printed what; of very long outputs the first lines and the last. */
class Output {
  #count = 0;
  #last: string[] = [];

  show(who: string, line: string): void {
    this.#count += 1;
    const text = `   ${who.padEnd(8)}│ ${line}\n`;
    if (this.#count <= SHOWN_LINES) process.stdout.write(text);
    else this.#last = [...this.#last.slice(1 - SHOWN_ENDS), text];
  }

  async end(): Promise<void> {
    const left = this.#count - SHOWN_LINES - this.#last.length;
    if (left > 0) await print(`   …       │ ${left} more lines\n`);
    await print(this.#last.join(''));
  }
}

export default demo;
