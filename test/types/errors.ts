/** What the type system must allow and refuse for errors. Lines marked with `@ts-expect-error` must not compile. */
import { ClosedError, ConnectError, GristmillError, JobError } from 'gristmill';
import type { JobErrorCode } from 'gristmill';

export function tell(error: unknown): string {
  if (error instanceof JobError) {
    const code: JobErrorCode = error.code;
    // @ts-expect-error: a job never fails with a connection's code
    if (error.code === 'refused') return 'refused';
    return `${error.function} ${error.index} ${error.attempts} ${error.worker ?? '-'}: ${code}`;
  }
  if (error instanceof ConnectError) return error.code === 'timeout' ? 'nobody there' : error.code;
  if (error instanceof ClosedError) return error.code satisfies 'closed';
  return error instanceof GristmillError ? error.code : 'unknown';
}

// @ts-expect-error: a job error tells its function and index
export const incomplete = new JobError('function-threw', 'text', {});

// @ts-expect-error: not a code
export const unknownCode = new JobError('no-such-code', 'text', { function: 'foo', index: 0 });
