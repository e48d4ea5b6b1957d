import { checkBoolean, checkOptions, checkSignal, checkString, shown } from '../common/check.ts';
import { shared } from '../common/signals.ts';
import { execute } from './execute.ts';
import { type Graph, graphOf } from './graph.ts';
import { type AnyNode, PipelineNode } from './node.ts';
import type { Nested, RunOptions, Typed, TYPES } from './ops.ts';

export interface PipelineOptions<I, O> {
  /** What callers name it by, also in URLs: up to 100 letters, digits, `_` and `-`. */
  readonly name: string;
  readonly nodes: readonly (AnyNode & Typed<I, O>)[];
  /** Whether calls go to a worker; unset: others decide. See the rule of three in docs/pipelines.md. */
  readonly useWorker?: boolean | undefined;
}

/**
 * Nodes that work on each other's results, from INPUT to OUTPUT. A node runs as soon as all that it reads is there; what does not wait
 * for each other runs at the same time.
 *
 * @example
 *     const isOdd = new Pipeline({
 *       name: 'is_odd',
 *       nodes: [
 *         new PipelineNode({ op: (n: number) => n + 1, inputs: [INPUT], outputs: ['added'] }),
 *         new PipelineNode({ op: (n: number) => n % 2 === 1, inputs: ['added'], outputs: [OUTPUT] }),
 *       ],
 *     });
 *     await isOdd.run(4); // true
 */
export class Pipeline<I = never, O = unknown> implements Nested<I, O> {
  declare readonly [TYPES]?: (input: I) => O;
  readonly name: string;
  readonly useWorker: boolean | undefined;
  /** The worker functions that its nodes call by name, each once. */
  readonly workerFunctions: readonly string[];
  readonly #nodes: readonly AnyNode[];
  readonly #graph: Graph;

  /** @throws TypeError or RangeError that says what is wrong with the options, or with the graph: a cycle, a name that nobody gives, … */
  constructor(options: PipelineOptions<I, O>) {
    checkOptions('Pipeline', options, ['name', 'nodes', 'useWorker']);
    this.name = checkString('Pipeline: name', options.name);
    if (!/^[\w-]{1,100}$/.test(this.name))
      throw new RangeError(`Pipeline: name: expected up to 100 letters, digits, '_' and '-', got ${shown(this.name)}`);
    const what = `Pipeline '${this.name}'`;
    this.useWorker = options.useWorker === undefined ? undefined : checkBoolean(`${what}: useWorker`, options.useWorker, false);
    const nodes: readonly unknown[] = options.nodes;
    if (!Array.isArray(nodes)) throw new TypeError(`${what}: nodes: expected an array of PipelineNode, got ${shown(nodes)}`);
    const wrong = nodes.findIndex((node) => !(node instanceof PipelineNode));
    if (wrong >= 0) throw new TypeError(`${what}: nodes: expected a PipelineNode at ${wrong}, got ${shown(nodes[wrong])}`);
    this.#nodes = options.nodes.slice();
    const labels = labelsOf(this.#nodes);
    this.#graph = graphOf(
      what,
      this.#nodes.map(({ inputs, outputs }, index) => ({ label: labels[index] as string, inputs, outputs })),
    );
    this.workerFunctions = [...new Set(this.#nodes.flatMap((node) => node.workerFunctions))];
  }

  /**
   * Runs it in this process. Rejects with a PipelineError that names the node which failed first, or with the signal's reason; but not
   * before everything that was begun has ended: the other nodes are told by their signal.
   *
   * @param options `signal` aborts it; `call` is how nodes that name a worker function call it, as
   *   `(name, payload, options) => client.call(name, payload, options)`
   */
  run(input: I, options: RunOptions = {}): Promise<O> {
    checkOptions('run', options, ['signal', 'call']);
    const { call } = options;
    if (call !== undefined && typeof call !== 'function') throw new TypeError(`run: call: expected a function, got ${shown(call)}`);
    const plan = { name: this.name, nodes: this.#nodes, graph: this.#graph };
    return execute(plan, input, shared(checkSignal('run: signal', options.signal)), call) as Promise<O>;
  }
}

/** What messages call the nodes: their names, with their place where a name is not unique. */
function labelsOf(nodes: readonly AnyNode[]): string[] {
  return nodes.map(({ name }, index) => (nodes.some((other, at) => at !== index && other.name === name) ? `${name} #${index + 1}` : name));
}
