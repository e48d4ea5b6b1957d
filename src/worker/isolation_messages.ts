/** What a worker and the process of an isolated function say to each other, over the channel between the two. Pure. */
import { viewOf } from '../common/bytes_of.ts';
import { told } from '../common/thrown.ts';

/** Says to a program that it is run again, and for which of its isolated workers (the first is 1). */
export const CHILD_VARIABLE = 'GRISTMILL_ISOLATED';

/** The fields of a job's context that travel. */
export interface IsolatedJob {
  readonly id: string;
  readonly stream: string;
  readonly client: string;
  readonly index: number;
  readonly part: number;
  readonly attempt: number;
  readonly function: string;
  readonly deadline: number | undefined;
  readonly resources: Readonly<Record<string, unknown>>;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** An error as both sides tell it. */
export interface ToldError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
  readonly code?: unknown;
}

/** What an isolated function may ask of its worker: of the worker itself, and of its job's context. */
export const ASKABLE = ['get', 'set', 'delete', 'status', 'call', 'execFile'] as const;
export type Askable = (typeof ASKABLE)[number];

export type Order =
  /** Run a function. Ends in `ended`; a generator first gives `steps`, and a `step` for each `next`. */
  | { readonly type: 'run'; readonly message: Uint8Array; readonly job: IsolatedJob }
  | { readonly type: 'next' }
  /** End the generator. Ends in `ended`. */
  | { readonly type: 'return' };

/** Orders have numbers, so that what a program says by itself is not taken for a reply. */
export type ToChild =
  | (Order & { readonly order: number })
  /** Nobody wants the result any more. */
  | { readonly type: 'abort'; readonly reason: ToldError }
  | { readonly type: 'answer'; readonly question: number; readonly value?: unknown; readonly error?: ToldError };

export type Reply =
  | { readonly type: 'steps' }
  /** `bad`: why what the function gave, or yielded, is no result. It may be something that cannot be sent. */
  | { readonly type: 'step'; readonly value?: unknown; readonly bad?: string }
  | { readonly type: 'ended'; readonly value?: unknown; readonly error?: ToldError; readonly bad?: string };

export type FromChild =
  /** It has loaded its program, and can be given functions to run. */
  | { readonly type: 'ready' }
  /** To the order of that number. */
  | (Reply & { readonly to: number })
  | { readonly type: 'ask'; readonly question: number; readonly what: Askable; readonly args: readonly unknown[] };

/** How an error is told. Whatever was thrown, telling it does not throw. */
export function toldError(thrown: unknown): ToldError {
  const said = { name: 'Error', ...told(thrown) };
  try {
    if (!(thrown instanceof Error)) return said;
    // Users may have put anything there.
    const { name, code } = thrown as { name: unknown; code?: unknown };
    return { ...said, name: String(name), ...(typeof code === 'string' ? { code } : {}) };
  } catch {
    return said;
  }
}

/** An error that was told. The program may have said anything in its place. */
export function errorFrom(said: ToldError): Error {
  const { name, message, stack, code } = said as { readonly [K in keyof ToldError]: unknown };
  const error = new Error(textOf(message, 'it said no message'));
  Object.assign(error, { name: textOf(name, 'Error'), stack: textOf(stack, '') });
  return code === undefined ? error : Object.assign(error, { code });
}

function textOf(said: unknown, otherwise: string): string {
  return typeof said === 'string' ? said : otherwise;
}

/** Buffers become plain bytes on their way. */
export function asBuffer(value: unknown): unknown {
  return value instanceof Uint8Array ? viewOf(value) : value;
}
