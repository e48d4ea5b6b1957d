/** What the executor works with. */
import type { PayloadStore } from '../protocol/payloads.ts';
import type { WorkerAnswer } from '../streams/types.ts';
import type { Failure } from './answers.ts';
import type { JobContext, Nested } from './context.ts';

/** A function that is served. */
export type Served = (message: Buffer, job: JobContext) => WorkerAnswer;

export interface ExecutorOptions {
  /** What functions have for `this`. */
  readonly owner: object;
  readonly name: string;
  readonly functions: ReadonlyMap<string, Served>;
  readonly store: PayloadStore;
  readonly nested: Nested;
  /** Its functions pass jobs on: how long one may take is not for them to say. */
  readonly relays: boolean;
  readonly now: () => number;
  /** There is something to collect: a turn should follow soon. */
  readonly wake: () => void;
}

/** What is said of a function that is not served here. */
export function unknownFunction(
  { name, functions }: Pick<ExecutorOptions, 'name'> & { functions: ReadonlyMap<string, unknown> },
  asked: string,
): Failure {
  return { code: 'unknown-function', message: `worker ${name} has no function '${asked}', only ${[...functions.keys()].join(', ')}` };
}
