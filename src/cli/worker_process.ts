/**
 * The process of one worker of `gristmill worker`. Its arguments: file, the worker's options as JSON, deadlineMs.
 *
 * It ends with the process that started it: a worker without its supervisor would be nobody's.
 */
import type { Worker, WorkerOptions } from '../worker/worker.ts';
import { exitCodeOf, isConnectError } from './ending.ts';
import { loadClass } from './load_class.ts';
import type { Unusable } from './supervisor.ts';
import { complain, EXIT, UsageError } from './verb.ts';

const [file = '', json = '{}', deadlineMs = '0'] = process.argv.slice(2);
const options = JSON.parse(json) as WorkerOptions;
const { name } = options;

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
// A listener keeps the channel open, and the channel the process alive.
process.channel?.unref();

async function run(): Promise<void> {
  // What a program sees that starts its worker itself. (With isolate this program is run again, by its own arguments.)
  if (options.isolate !== true) process.argv = [process.argv[0] ?? 'node', file, name, String(options.address ?? '')];
  const Chosen = (await loadClass(file, 'Worker')) as (new (options: WorkerOptions) => Worker) | undefined;
  if (Chosen === undefined) return;
  const worker = build(Chosen);
  worker.events.once('closed').then(({ error }) => (error === undefined ? process.exit(EXIT.ok) : end(error)), end);
  const stop = (): void => void worker.stop({ deadlineMs: Number(deadlineMs) });
  process.on('SIGINT', stop).on('SIGTERM', stop);
  await worker.start();
  console.log(options.listen === undefined ? `${name} is ready` : `${name} listens at ${worker.address}`);
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
  const exitCode = complain(`${name}: ${known ? error.message : ((error as Error).stack ?? String(error))}`, exitCodeOf(error));
  process.send?.({ unusable: exitCode } satisfies Unusable, () => process.exit(exitCode));
}

await run().catch(end);
