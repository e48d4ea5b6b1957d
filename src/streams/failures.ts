/** The error that a job failed with, from how it travelled. */
import { JobError } from '../errors.ts';
import { decodeError } from '../protocol/remote_error.ts';

/** @param bytes undefined: the job could not be replayed after the master's death */
export function jobError(index: number, bytes: Uint8Array | undefined, name: string, key: unknown): JobError {
  if (bytes === undefined) {
    const text = `${name}: job ${index} gave other results when it ran again than those that had been delivered`;
    return new JobError('not-replayable', text, { function: name, index, key });
  }
  const remote = decodeError(bytes);
  return new JobError(remote.code, remote.message, {
    function: remote.function === '' ? name : remote.function,
    index,
    key,
    attempts: remote.attempts,
    worker: remote.worker === '' ? undefined : remote.worker,
    remoteStack: remote.stack === '' ? undefined : remote.stack,
    phase: remote.phase === 'scatter' || remote.phase === 'gather' ? remote.phase : undefined,
  });
}
