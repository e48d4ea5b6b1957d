/**
 * The loop of every shell: an event goes into the state machine, its instructions are dispatched by type, and what a handler returns
 * is fed back as the next events. (The contract of Dask's worker: events in, instructions out; handlers never raise.)
 *
 * Strict form of a handler: `(instruction, cause) => events`, or a promise of events. A handler that throws or rejects is a bug of
 * ours: the driver stops and reports it with the story that led to it.
 */
import { brief, History, type Machine } from './history.ts';

/** What a handler answers: nothing, events, or a promise of events. */
type Answer<E> = readonly E[] | undefined | void | Promise<readonly E[] | undefined | void>;

/** One handler for each type of instruction. `cause` is the id of the event that made the instruction. */
export type Handlers<I extends { readonly type: string }, E> = {
  readonly [K in I['type']]: (instruction: Extract<I, { readonly type: K }>, cause: number) => Answer<E>;
};

export interface DriverOptions<I extends { readonly type: string }, E> {
  readonly machine: Machine<E, I>;
  readonly handlers: Handlers<I, E>;
  /** Told once of a bug in the state machine or a handler; the driver takes no events after it. */
  readonly failed: (error: Error) => void;
  /** How many events to remember. Default 64. */
  readonly historyLimit?: number | undefined;
}

/** Events that are kept to tell stories from, unless it is said how many. */
export const HISTORY_LIMIT = 64;

export class Driver<I extends { readonly type: string }, E extends { readonly type: string }> {
  readonly history: History<E, I>;
  readonly #machine: Machine<E, I>;
  readonly #handlers: Handlers<I, E>;
  readonly #failed: (error: Error) => void;
  #queue: E[] = [];
  #running = false;
  #broken = false;

  constructor(options: DriverOptions<I, E>) {
    this.#machine = options.machine;
    this.#handlers = options.handlers;
    this.#failed = options.failed;
    this.history = new History(options.historyLimit ?? HISTORY_LIMIT);
  }

  /** Feeds an event, and all that follow from it. From within a handler, the event waits until those before it are done. */
  feed(event: E): void {
    if (this.#broken) return;
    if (this.#running) return void this.#queue.push(event);
    this.#running = true;
    this.#step(event);
    if (this.#queue.length > 0) {
      for (let at = 0; at < this.#queue.length && !this.#broken; at += 1) this.#step(this.#queue[at] as E);
      this.#queue = [];
    }
    this.#running = false;
  }

  #step(event: E): void {
    let instructions: I[];
    try {
      instructions = this.#machine.handle(event);
    } catch (error) {
      this.#break(error, event, this.history.last + 1);
      return;
    }
    const cause = this.history.record(event, instructions);
    for (const instruction of instructions) {
      if (this.#broken) return;
      try {
        const handler = this.#handlers[instruction.type as I['type']] as (instruction: I, cause: number) => Answer<E>;
        const answer = handler(instruction, cause);
        if (answer === undefined) continue;
        if (answer instanceof Promise) this.#follow(answer, instruction, cause);
        else for (const next of answer) this.#queue.push(next);
      } catch (error) {
        this.#break(error, instruction, cause);
      }
    }
  }

  #follow(answer: Promise<readonly E[] | undefined | void>, instruction: I, cause: number): void {
    answer.then(
      (events) => {
        for (const event of events ?? []) this.feed(event);
      },
      (error: unknown) => this.#break(error, instruction, cause),
    );
  }

  #break(error: unknown, about: E | I, cause: number): void {
    if (this.#broken) return;
    this.#broken = true;
    const tail = this.history
      .entries()
      .slice(-10)
      .map((entry) => `  #${entry.id} ${brief(entry.event)}`);
    const what = error instanceof Error ? error.message : String(error);
    const report = new Error(
      `a bug in gristmill: ${what}\nwhile at '${about.type}', caused by event #${cause}. Last events:\n${tail.join('\n')}`,
      { cause: error },
    );
    this.#failed(report);
  }
}
