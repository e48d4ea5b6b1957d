/** The process of one specialized worker of `gristmill worker --specialized`. Its argument: the worker's options as JSON. */
import { SpecializedWorker, type SpecializedWorkerOptions } from '../specialized/worker.ts';
import { exitCodeOf } from './ending.ts';
import type { Unusable } from './supervisor.ts';
import { complain, EXIT } from './verb.ts';

const options = JSON.parse(process.argv[2] ?? '{}') as SpecializedWorkerOptions;
const worker = new SpecializedWorker(options);

process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref();
// Whatever goes wrong in the user's server, its clean-up is run.
process.on('uncaughtException', (error) => {
  complain(`${worker.name ?? options.specializedType}: ${error.stack ?? String(error)}`, EXIT.failed);
  void cleanUp();
});

async function cleanUp(): Promise<void> {
  await worker.stop();
  process.exit(EXIT.failed);
}

worker.events.on('closed', ({ error }) => error !== undefined && end(error));

function end(error: Error): void {
  const exitCode = complain(`${worker.name ?? options.specializedType}: ${error.message}`, exitCodeOf(error));
  process.send?.({ unusable: exitCode } satisfies Unusable, () => process.exit(exitCode));
}

try {
  await worker.start({ signals: true });
  console.log(`${worker.name ?? options.specializedType} is ready`);
} catch {
  // `closed` says why.
}
