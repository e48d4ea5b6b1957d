import { checkOptions, checkString, shown } from '../common/check.ts';
import { INPUT, OUTPUT } from './graph.ts';
import { fromJson, toJson } from './json.ts';
import type { CallFunction, InputOf, Nested, NodeContext, Op, OutputOf, Typed } from './ops.ts';
import type { TYPES } from './ops.ts';

const FORMATS = ['json', 'text', 'bytes'] as const;

/** How values travel to a worker function and back. */
export type Format = (typeof FORMATS)[number];

export interface PipelineNodeOptions<O extends Op, Ins extends readonly string[], Outs extends readonly string[]> {
  /**
   * What it runs: a function, sync or async, that is given a value for each input, then a NodeContext; another pipeline, of one input and
   * one output; or the name of a worker's function.
   */
  readonly op: O;
  /** What it reads: INPUT, and names that other nodes give. */
  readonly inputs: Ins;
  /** What it gives: OUTPUT, and names for other nodes. Of several, the operation returns an array with a value for each. */
  readonly outputs: Outs;
  /** What messages call it. Default: the name of what it runs. */
  readonly name?: string | undefined;
  /**
   * Only for worker functions. `json` (the default): the payload is the JSON of the input (of several: of an array of them), and so is the
   * result. `text`, `bytes`: the one input, and the result, as it is.
   */
  readonly format?: Format | undefined;
}

/**
 * A node of a pipeline: an operation, what it reads, and what it gives.
 *
 * @example
 *     new PipelineNode({ op: (n: number) => n + 1, inputs: [INPUT], outputs: ['added'] })
 */
export class PipelineNode<
  const O extends Op = Op,
  const Ins extends readonly string[] = readonly string[],
  const Outs extends readonly string[] = readonly string[],
> implements Typed<InputOf<O, Ins>, OutputOf<O, Outs>> {
  declare readonly [TYPES]?: (input: InputOf<O, Ins>) => OutputOf<O, Outs>;
  readonly name: string;
  readonly op: O;
  readonly inputs: Ins;
  readonly outputs: Outs;
  readonly format: Format;

  /** @throws TypeError or RangeError that names the option, what was expected and the value seen */
  constructor(options: PipelineNodeOptions<O, Ins, Outs>) {
    checkOptions('PipelineNode', options, ['op', 'inputs', 'outputs', 'name', 'format']);
    const { op, format = 'json' } = options;
    if (typeof op !== 'function' && !isNested(op) && typeof op !== 'string')
      throw new TypeError(`PipelineNode: op: expected a function, a pipeline or the name of a worker function, got ${shown(op)}`);
    if (typeof op === 'string') checkString('PipelineNode: op', op);
    this.op = op;
    this.name = options.name === undefined ? nameOf(op) : checkString('PipelineNode: name', options.name);
    const what = `PipelineNode '${this.name}'`;
    this.inputs = checkNames(`${what}: inputs`, options.inputs);
    this.outputs = checkNames(`${what}: outputs`, options.outputs);
    if (this.outputs.length === 0) throw new RangeError(`${what}: outputs: expected at least one name, got an empty array`);
    if (isNested(op) && (this.inputs.length > 1 || this.outputs.length > 1))
      throw new RangeError(
        `${what}: a pipeline as a node has one input and one output, got ${this.inputs.length} and ${this.outputs.length}`,
      );
    if (!FORMATS.includes(format)) throw new RangeError(`${what}: format: expected ${FORMATS.join(', ')}, got ${shown(format)}`);
    if (format !== 'json' && (typeof op !== 'string' || this.inputs.length > 1 || this.outputs.length > 1))
      throw new RangeError(`${what}: format '${format}' is for worker functions of one input and one output`);
    this.format = format;
  }

  /** The worker functions that it calls. */
  get workerFunctions(): readonly string[] {
    if (typeof this.op === 'string') return [this.op];
    return isNested(this.op) ? this.op.workerFunctions : [];
  }

  /**
   * Runs its operation. Resolves to a value for each output.
   * @param inputs a value for each input
   */
  async perform(inputs: readonly unknown[], context: NodeContext, call: CallFunction | undefined): Promise<readonly unknown[]> {
    const result = await this.#operate(inputs, context, call);
    if (this.outputs.length === 1) return [result];
    if (!Array.isArray(result) || result.length !== this.outputs.length)
      throw new TypeError(
        `expected an array of ${this.outputs.length} results (${this.outputs.map(plain).join(', ')}), got ${shown(result)}`,
      );
    return result as readonly unknown[];
  }

  #operate(inputs: readonly unknown[], context: NodeContext, call: CallFunction | undefined): unknown {
    const op: Op = this.op;
    if (typeof op === 'function') return (op as (...args: readonly unknown[]) => unknown)(...inputs, context);
    if (typeof op !== 'string') return (op as Nested<unknown>).run(inputs[0], { signal: context.signal, call });
    if (call === undefined) throw new TypeError(`'${op}' is a worker function, and there are no workers to call it`);
    return this.#callWorker(op, inputs, context, call);
  }

  async #callWorker(name: string, inputs: readonly unknown[], { signal }: NodeContext, call: CallFunction): Promise<unknown> {
    const answer = await call(name, this.#payload(inputs), { signal });
    switch (this.format) {
      case 'bytes':
        return answer;
      case 'text':
        return Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength).toString('utf8');
      case 'json':
        return fromJson(`the result of worker function '${name}'`, answer);
      default:
        return this.format satisfies never;
    }
  }

  #payload(inputs: readonly unknown[]): Uint8Array | string {
    if (this.format === 'json') return toJson('its input', inputs.length === 1 ? inputs[0] : inputs);
    const value = inputs[0] ?? '';
    if (typeof value === 'string' || value instanceof Uint8Array) return value;
    throw new TypeError(`its input: expected text or bytes (format '${this.format}'), got ${shown(value)}`);
  }
}

/** A node, whatever it runs. */
export type AnyNode = Pick<PipelineNode, 'name' | 'inputs' | 'outputs' | 'workerFunctions' | 'perform'>;

function isNested(op: unknown): op is Nested {
  return typeof op === 'object' && op !== null && 'run' in op && typeof op.run === 'function' && 'workerFunctions' in op;
}

function nameOf(op: Op): string {
  const name = typeof op === 'string' ? op : op.name;
  return name === '' || name === 'op' ? 'node' : name;
}

function checkNames<N extends readonly string[]>(option: string, names: N): N {
  if (!Array.isArray(names)) throw new TypeError(`${option}: expected an array of names, got ${shown(names)}`);
  for (const name of names) checkString(option, name);
  return Object.freeze(names.slice()) as unknown as N;
}

function plain(name: string): string {
  return name === OUTPUT ? 'OUTPUT' : name === INPUT ? 'INPUT' : `'${name}'`;
}
