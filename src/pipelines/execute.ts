/** The shell of a run: carries out what its machine says. Values and functions are here. */
import { PipelineError } from './errors.ts';
import { type Graph, INPUT, OUTPUT } from './graph.ts';
import type { AnyNode } from './node.ts';
import type { CallFunction } from './ops.ts';
import { type Outcome, Run, type RunEvent } from './run.ts';

/** What is run. Nodes are the graph's steps, in the same order. */
export interface Plan {
  readonly name: string;
  readonly nodes: readonly AnyNode[];
  readonly graph: Graph;
}

/** Runs a plan. Settles when nothing of it runs any more. */
export function execute(plan: Plan, input: unknown, signal: AbortSignal | undefined, call: CallFunction | undefined): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const execution = new Execution(plan, input, call, (outcome) => {
      signal?.removeEventListener('abort', abort);
      if (outcome.type === 'done') resolve(execution.output);
      else reject(execution.failure);
    });
    const abort = (): void => execution.abort(signal?.reason);
    if (signal?.aborted === true) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    execution.feed({ type: 'start' });
  });
}

class Execution {
  readonly #plan: Plan;
  readonly #run: Run;
  readonly #call: CallFunction | undefined;
  readonly #values: Map<string, unknown>;
  readonly #settled: (outcome: Outcome) => void;
  /** Tells the nodes; its reason is what made the run stop. */
  readonly #stop = new AbortController();
  /** What the run is rejected with. Failures behind the first are what its abort made of the others. */
  failure: unknown;

  constructor(plan: Plan, input: unknown, call: CallFunction | undefined, settled: (outcome: Outcome) => void) {
    this.#plan = plan;
    this.#run = new Run(plan.graph);
    this.#call = call;
    this.#values = new Map([[INPUT, input]]);
    this.#settled = settled;
  }

  get output(): unknown {
    return this.#values.get(OUTPUT);
  }

  abort(reason: unknown): void {
    this.#failed(reason);
    this.feed({ type: 'aborted' });
  }

  feed(event: RunEvent): void {
    for (const instruction of this.#run.handle(event)) {
      switch (instruction.type) {
        case 'run':
          void this.#perform(instruction.step);
          break;
        case 'abort':
          this.#stop.abort(this.failure);
          break;
        case 'settle':
          this.#settled(instruction.outcome);
          break;
        default:
          instruction satisfies never;
      }
    }
  }

  /** Runs a step, and feeds what became of it. Never rejects. */
  async #perform(step: number): Promise<void> {
    const { name, nodes, graph } = this.#plan;
    const { label, inputs, outputs } = graph.steps[step] as Graph['steps'][number];
    const context = { pipeline: name, node: label, signal: this.#stop.signal };
    try {
      const given = inputs.map((input) => this.#values.get(input));
      const results = await (nodes[step] as AnyNode).perform(given, context, this.#call);
      for (const [index, output] of outputs.entries()) this.#values.set(output, results[index]);
    } catch (error) {
      this.#failed(PipelineError.ofNode(name, label, error));
      return this.feed({ type: 'failed', step });
    }
    this.feed({ type: 'ended', step });
  }

  #failed(reason: unknown): void {
    if (this.#run.phase === 'new' || this.#run.phase === 'running') this.failure = reason;
  }
}
