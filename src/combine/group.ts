/**
 * Structured concurrency: whatever begins in a group ends in it.
 *
 * Laws:
 * - A group ends when all that was begun in it has ended, whatever became of it.
 * - The first failure aborts the group's signal, is what the group throws, and is thrown once: failures that follow from it are not told.
 * - A group is aborted with the scope that it was opened in.
 */
import { setMaxListeners } from 'node:events';
import { checkString, shown } from '../common/check.ts';
import type { ResourceRequest } from '../resources/types.ts';
import type { JobOptions, Payload } from '../streams/types.ts';
import { type Run, type Scope, within } from './scope.ts';

/** What a job may ask for: `{ cores: 3, memoryGb: 2.5 }`; undefined: nothing. */
export type Request = ResourceRequest | undefined;

/** What a group has begun. Its failure is the group's, whether its result is waited for or not. */
export interface Begun<T> {
  readonly result: Promise<T>;
}

/** Jobs and subtasks that run side by side. */
export interface WaitGroup {
  /** Aborted when one of the group has failed, or the group is of no use any more. */
  readonly signal: AbortSignal;
  /**
   * Runs one job beside the others of the group.
   *
   * @param resources what it asks for, or undefined
   * @param name the worker function
   * @param payload bytes, or text that travels as UTF-8
   * @throws Error if the group has ended
   */
  submit(resources: Request, name: string, payload: Payload, options?: JobOptions): Begun<Buffer>;
  /**
   * Runs a function beside the others of the group; it may submit jobs, and open groups of its own.
   *
   * @throws Error if the group has ended
   */
  startSubtask<T>(subtask: () => T | PromiseLike<T>): Begun<T>;
}

export class Group implements WaitGroup {
  readonly #run: Run;
  readonly #scope: Scope;
  readonly #controller = new AbortController();
  readonly #results: Buffer[] = [];
  #submitted = 0;
  #pending = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #allEnded: () => void = () => undefined;

  /** @param outer the scope in which it is opened */
  constructor(outer: Pick<Scope, 'run'>) {
    this.#run = outer.run;
    // As many listeners as there are jobs.
    setMaxListeners(0, this.#controller.signal);
    this.#scope = { run: outer.run, signal: this.#controller.signal, hold: (begun) => this.#hold(begun) };
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  submit(resources: Request, name: string, payload: Payload, options: JobOptions = {}): Begun<Buffer> {
    this.#checkOpen('submit');
    checkString('submit: function', name);
    const at = this.#submitted;
    this.#submitted += 1;
    const asked = resources === undefined ? options : { ...options, resources };
    const result = callFrom(asker(), this.#scope, name, payload, asked);
    return this.#watch(
      result.then((value) => {
        this.#results[at] = value;
        return value;
      }),
    );
  }

  startSubtask<T>(subtask: () => T | PromiseLike<T>): Begun<T> {
    this.#checkOpen('startSubtask');
    if (typeof subtask !== 'function') throw new TypeError(`startSubtask: expected a function, got ${shown(subtask)}`);
    return this.#watch(within(this.#scope, async () => await subtask()));
  }

  /** Runs the group's body, and all that it begins, to the end. Resolves to the jobs' results, in the order of submission. */
  async complete(outer: AbortSignal, body: (group: WaitGroup) => unknown): Promise<Buffer[]> {
    outer.throwIfAborted();
    const abort = (): void => this.#controller.abort(outer.reason);
    outer.addEventListener('abort', abort, { once: true });
    this.#run.openGroups += 1;
    try {
      const ended = new Promise<void>((resolve) => (this.#allEnded = resolve));
      this.#watch(within(this.#scope, async () => await body(this)));
      await ended;
    } finally {
      this.#run.openGroups -= 1;
      outer.removeEventListener('abort', abort);
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#results;
  }

  #checkOpen(what: string): void {
    if (this.#ended)
      throw new Error(`${what}: this waitgroup has ended: what it begins must be begun before its function and subtasks end`);
  }

  #watch<T>(promise: Promise<T>): Begun<T> {
    promise.catch((error: unknown) => this.#fail(error));
    this.#hold(promise);
    return { result: promise };
  }

  #hold(promise: Promise<unknown>): void {
    this.#pending += 1;
    const over = (): void => {
      this.#pending -= 1;
      if (this.#pending > 0) return;
      this.#ended = true;
      this.#allEnded();
    };
    promise.then(over, over);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    this.#controller.abort(new DOMException('cancelled: another part of its waitgroup failed', 'AbortError'));
  }
}

/** The stack of whoever called the function that asks. */
export function asker(): string {
  const frames: { stack?: string } = {};
  Error.captureStackTrace(frames, asker);
  return frames.stack?.split('\n').slice(2).join('\n') ?? '';
}

/** Calls a function of a worker. An error of the job is given the stack of who asked for it. */
export async function callFrom(stack: string, scope: Scope, name: string, payload: Payload, options: JobOptions): Promise<Buffer> {
  try {
    return await scope.run.executor.call(name, payload, { ...options, signal: scope.signal });
  } catch (error) {
    if (error instanceof Error && error !== scope.signal.reason) error.stack = `${error.name}: ${error.message}\n${stack}`;
    throw error;
  }
}
