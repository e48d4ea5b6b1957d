/** Grain's programming model: jobs in an arbitrary mix of parallel and sequential, written as plain async functions. */
import { checkString, shown } from '../common/check.ts';
import type { JobOptions, Payload } from '../streams/types.ts';
import { asker, callFrom, Group, type Request, type WaitGroup } from './group.ts';
import { openEngine } from './engine.ts';
import { type CombineOptions, readOptions } from './options.ts';
import { currentScope, type Run } from './scope.ts';

/** A top-level subtask. */
export type Main<T = unknown> = () => T | PromiseLike<T>;

/** What becomes of several: what each returned, in their order. */
export type Returned<M extends readonly Main[]> = { -readonly [K in keyof M]: Awaited<ReturnType<M[K]>> };

/**
 * Runs a program that submits jobs, to its end. Several run side by side, and the first failure cancels the others.
 *
 * ```ts
 * await runCombine(async () => {
 *   const parts = await waitgroup(async (wg) => {
 *     for (const file of files) wg.submit({ cores: 2 }, 'compress', file);
 *   });
 *   console.log(await exec1({ cores: 1 }, 'best', Buffer.concat(parts)));
 * }, { address: 'tcp://127.0.0.1:5555' });
 * ```
 *
 * @param main the program, or several
 * @param options where its jobs run: see CombineOptions
 * @returns what it returns; of several what each returns, in their order
 * @throws what it throws first; TypeError or RangeError for wrong options
 */
export async function runCombine<T>(main: Main<T>, options: CombineOptions): Promise<T>;
export async function runCombine<const M extends readonly Main[]>(mains: M, options: CombineOptions): Promise<Returned<M>>;
export async function runCombine(main: Main | readonly Main[], options: CombineOptions): Promise<unknown> {
  const mains = Array.isArray(main) ? (main as readonly Main[]) : undefined;
  for (const one of mains ?? [main])
    if (typeof one !== 'function') throw new TypeError(`runCombine: expected a function, or an array of functions, got ${shown(one)}`);
  const read = readOptions(options);
  read.signal?.throwIfAborted();
  const broken = new AbortController();
  const engine = await openEngine(read, (error) => broken.abort(error));
  try {
    const run: Run = { executor: engine.executor, maxGroups: read.maxGroups, openGroups: 0 };
    const signal = read.signal === undefined ? broken.signal : AbortSignal.any([read.signal, broken.signal]);
    const values: unknown[] = [];
    await new Group({ run }).complete(signal, (wg) => {
      (mains ?? [main as Main]).forEach((one, at) => wg.startSubtask(async () => (values[at] = await one())));
    });
    return mains === undefined ? values[0] : values;
  } finally {
    await engine.close();
  }
}

/**
 * Opens a group, and runs everything that is begun in it side by side: what it submits, and its subtasks. Groups nest. If one fails,
 * what is under way in the group is cancelled, and that first failure is thrown, once.
 *
 * @param body begins things in the group it is given; when it returns, the group waits for them
 * @returns the jobs' results, in the order of submission
 * @throws the group's first failure: a JobError of a job (its stack says who submitted it), or whatever the body or a subtask threw;
 * RangeError if too many groups are open
 */
export async function waitgroup(body: (wg: WaitGroup) => unknown): Promise<Buffer[]> {
  if (typeof body !== 'function') throw new TypeError(`waitgroup: expected a function, got ${shown(body)}`);
  const scope = currentScope('waitgroup');
  const { openGroups, maxGroups } = scope.run;
  if (openGroups >= maxGroups) throw new RangeError(`waitgroup: ${openGroups} groups are open, at most ${maxGroups} may be (maxGroups)`);
  const results = new Group(scope).complete(scope.signal, body);
  scope.hold(results);
  return await results;
}

/**
 * Runs one job, and waits for it.
 *
 * @param resources what it asks for, as `{ cores: 3 }`, or undefined
 * @param name the worker function
 * @param payload bytes, or text that travels as UTF-8
 * @returns its result
 * @throws JobError, as `client.call()`; the signal's reason if its group was cancelled
 */
export async function exec1(resources: Request, name: string, payload: Payload, options: JobOptions = {}): Promise<Buffer> {
  const scope = currentScope('exec1');
  checkString('exec1: function', name);
  scope.signal.throwIfAborted();
  const result = callFrom(asker(), scope, name, payload, resources === undefined ? options : { ...options, resources });
  scope.hold(result);
  return await result;
}
