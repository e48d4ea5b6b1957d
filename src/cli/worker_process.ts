/**
 * The process of one worker of `gristmill worker`. Its arguments: file, the worker's options as JSON, deadlineMs.
 *
 * It ends with the process that started it: a worker without its supervisor would be nobody's.
 */
import diagnostics from 'node:diagnostics_channel';
import { STARTS } from '../worker/starts.ts';
import type { Worker, WorkerOptions } from '../worker/worker.ts';
import { exitCodeOf, isConnectError } from './ending.ts';
import { leaveToNode, loadClass } from './load_class.ts';
import { UNFINISHED, type Unusable } from './supervisor.ts';
import { complain, EXIT, UsageError } from './verb.ts';

const [file = '', json = '{}', deadlineMs = '0'] = process.argv.slice(2);
const options = JSON.parse(json) as WorkerOptions;
const { name } = options;
/** Whether a master has welcomed it. */
let served = false;

/** Workers that the file has started itself: none within this process, of a pool or a server. */
const program = new Set<Worker>();
/** That of the class which the file exports. */
let own: Worker | undefined;
/** Why the file cannot be loaded, if that is its syntax. */
let misspelt: unknown;
diagnostics.subscribe(STARTS, (message) => {
  const started = message as Worker;
  if (started === own || started.address.startsWith('memory://')) return;
  program.add(started);
  if (own !== undefined) complain(`${name}: ${file} starts a worker itself, after it was loaded, beside the one of its class`, EXIT.ok);
});
process.once('exit', (code) => {
  // A function has ended the process: a worker was not done.
  const isServing = [own, ...program].some((worker) => worker?.state === 'serving');
  if (code === EXIT.ok && isServing) process.exitCode = UNFINISHED;
});

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// A listener keeps the channel open, and the channel the process alive.
process.channel?.unref();

async function run(): Promise<void> {
  // What a program sees that starts its worker itself. (With isolate this program is run again, by its own arguments.)
  if (options.isolate !== true) process.argv = [process.argv[0] ?? 'node', file, name, String(options.address ?? '')];
  const Chosen = await chooseClass();
  if (Chosen === undefined) return;
  const worker = (own = build(Chosen));
  worker.events.on('connected', () => (served = true));
  worker.events.once('closed').then(({ error }) => (error === undefined ? process.exit(EXIT.ok) : end(error)), end);
  const stop = (): void => void worker.stop({ deadlineMs: Number(deadlineMs) });
  process.on('SIGINT', stop).on('SIGTERM', stop);
  await worker.start();
  console.log(options.listen === undefined ? `${name} is ready` : `${name} listens at ${worker.address}`);
}

/**
 * Undefined for a program that has started its worker itself by the time that it is loaded, whatever it exports. It was told its name and
 * address, and no more of what was asked for.
 */
async function chooseClass(): Promise<(new (options: WorkerOptions) => Worker) | undefined> {
  const { listen, slots = 1, isolate = false } = options;
  const option = listen === undefined ? (isolate && '--isolate') || (slots > 1 && '--slots') : '--listen';
  const needed = `${file}: ${String(option)} needs a module that exports a class that extends Worker, and starts none`;
  const Chosen = await loadClass(file, 'Worker').catch((error: unknown) => {
    if (program.size > 0 && error instanceof UsageError) return undefined;
    if (error instanceof SyntaxError) misspelt = error;
    const isTold = error instanceof TypeError && error.message.startsWith('Worker: address: ');
    throw isTold && option !== false ? new UsageError(needed, { cause: error }) : error;
  });
  if (Chosen !== undefined && program.size === 0) return Chosen as new (options: WorkerOptions) => Worker;
  if (option !== false) throw new UsageError(needed);
  return undefined;
}

function build(Chosen: new (options: WorkerOptions) => Worker): Worker {
  try {
    return new Chosen(options);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function end(error: unknown): void {
  // Stopped while it waited for a master.
  if (error instanceof Error && error.name === 'ClosedError') process.exit(EXIT.ok);
  const known = error instanceof UsageError || isConnectError(error);
  const exitCode = complain(`${name}: ${known ? error.message : described(error)}`, exitCodeOf(error));
  // A worker that broke while it was of use will be of use again.
  if (served && !known) process.exit(exitCode);
  const leave = (): void => void (error === misspelt ? leaveToNode(error as SyntaxError) : process.exit(exitCode));
  process.send?.({ unusable: exitCode } satisfies Unusable, leave);
}

function described(error: unknown): string {
  return error === misspelt ? `${file} cannot be loaded:` : ((error as Error).stack ?? String(error));
}

await run().catch(end);
