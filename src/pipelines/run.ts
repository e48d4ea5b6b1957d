/**
 * One run of a pipeline: what may begin when, and how it ends. Pure; values and functions are the shell's.
 *
 * A step begins as soon as the last step that it waits for has ended. The first failure (or the caller's abort) decides how the run ends:
 * nothing begins any more, what runs is told, and the run is settled, once, when nothing of it runs any more.
 */
import type { Graph } from './graph.ts';

export type RunEvent =
  | { readonly type: 'start' }
  | { readonly type: 'ended'; readonly step: number }
  | { readonly type: 'failed'; readonly step: number }
  /** The caller wants no result any more. */
  | { readonly type: 'aborted' };

export type RunInstruction =
  /** Begin a step. It ends in exactly one `ended` or `failed`. */
  | { readonly type: 'run'; readonly step: number }
  /** Tell what runs to stop. At most once, before `settle`. */
  | { readonly type: 'abort' }
  /** The last instruction. `failed`: the step that failed first. */
  | { readonly type: 'settle'; readonly outcome: Outcome };

export type Outcome = { readonly type: 'done' } | { readonly type: 'failed'; readonly step: number } | { readonly type: 'aborted' };

type Phase = 'new' | 'running' | 'stopping' | 'settled';

/** What a run may be told in each phase, and what it is then. Anything else is a bug of the shell. */
const PHASES = {
  new: { start: 'running', aborted: 'stopping' },
  running: { ended: 'running', failed: 'stopping', aborted: 'stopping' },
  stopping: { ended: 'stopping', failed: 'stopping', aborted: 'stopping' },
  settled: { aborted: 'settled' },
} as const satisfies Record<Phase, Partial<Record<RunEvent['type'], Phase>>>;

export class Run {
  readonly #graph: Graph;
  /** Of each step: how many it still waits for. */
  readonly #waits: number[];
  readonly #running = new Set<number>();
  #phase: Phase = 'new';
  #outcome: Outcome = { type: 'done' };

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#waits = Array.from(graph.waits);
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** @throws Error for an event that cannot be; the state is untouched then */
  handle(event: RunEvent): RunInstruction[] {
    const before = this.#phase;
    const after = (PHASES[before] as Partial<Record<RunEvent['type'], Phase>>)[event.type];
    if (after === undefined) throw new Error(`a bug in gristmill: a run that is ${before} was told '${event.type}'`);
    if ('step' in event && !this.#running.delete(event.step))
      throw new Error(`a bug in gristmill: step ${event.step} was told '${event.type}', but it does not run`);
    this.#phase = after;
    const instructions: RunInstruction[] = [];
    if (after === 'running') instructions.push(...this.#begin(event).map((step) => ({ type: 'run' as const, step })));
    if (after === 'stopping' && before !== 'stopping') {
      this.#outcome = event.type === 'failed' ? { type: 'failed', step: event.step } : { type: 'aborted' };
      instructions.push({ type: 'abort' });
    }
    if (after !== 'settled' && this.#running.size === 0) {
      this.#phase = 'settled';
      instructions.push({ type: 'settle', outcome: this.#outcome });
    }
    return instructions;
  }

  /** The steps that an event lets begin. */
  #begin(event: RunEvent): number[] {
    const free = event.type === 'ended' ? this.#release(event.step) : [...this.#waits.keys()].filter((step) => this.#waits[step] === 0);
    for (const step of free) this.#running.add(step);
    return free;
  }

  #release(step: number): number[] {
    return (this.#graph.readers[step] as readonly number[]).filter((reader) => {
      this.#waits[reader] = (this.#waits[reader] as number) - 1;
      return this.#waits[reader] === 0;
    });
  }
}
