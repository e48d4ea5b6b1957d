/**
 * An error as it travels: the payload of an entry with the flag `error`.
 *
 *     code:string message:string function:string worker:string attempts:int stack:string phase:string
 */
import { Malformed, Reader } from './bytes.ts';
import { Writer } from './writer.ts';

/** Codes a job can fail with. They are those of JobError. */
export const JOB_ERROR_CODES = [
  'function-threw',
  'unknown-function',
  'worker-lost',
  'timed-out',
  'unsatisfiable',
  'bad-result',
  'result-count',
  'not-replayable',
  'cancelled',
] as const;
export type WireErrorCode = (typeof JOB_ERROR_CODES)[number];

export interface RemoteError {
  readonly code: WireErrorCode;
  readonly message: string;
  readonly function: string;
  readonly worker: string;
  readonly attempts: number;
  readonly stack: string;
  /** 'scatter' or 'gather' where the master's user code threw; else empty. */
  readonly phase: string;
}

export function encodeError(error: RemoteError): Buffer {
  const writer = new Writer();
  writer.string(error.code);
  writer.string(clip(error.message, 16_384));
  writer.string(error.function);
  writer.string(error.worker);
  writer.int(error.attempts);
  writer.string(clip(error.stack, 32_768));
  writer.string(error.phase);
  return writer.done();
}

/** Reads an error; bytes that are none make an error that says so. */
export function decodeError(bytes: Uint8Array): RemoteError {
  try {
    const reader = new Reader(bytes);
    const code = reader.string() as WireErrorCode;
    const known = JOB_ERROR_CODES.includes(code);
    const rest = {
      message: reader.string(),
      function: reader.string(),
      worker: reader.string(),
      attempts: reader.int(),
      stack: reader.string(),
      phase: reader.string(),
    };
    return { code: known ? code : 'function-threw', ...rest };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { code: 'function-threw', message: 'the error cannot be read', function: '', worker: '', attempts: 0, stack: '', phase: '' };
  }
}

function clip(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}…`;
}
