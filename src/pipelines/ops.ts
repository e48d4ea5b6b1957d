/** What a node can run, and what follows of it for the types of its pipeline. Pure. */
import type { INPUT, OUTPUT } from './graph.ts';

/** Calls a worker function: one payload, one result. A Client's `call`, and that of a job context, are such. */
export type CallFunction = (name: string, payload: Uint8Array | string, options: { readonly signal: AbortSignal }) => Promise<Uint8Array>;

/** What an operation is told, after its inputs. */
export interface NodeContext {
  readonly pipeline: string;
  readonly node: string;
  /** Aborted when nobody waits for the result any more: another node failed, the caller went away, or it took too long. */
  readonly signal: AbortSignal;
}

/** How a run is begun. */
export interface RunOptions {
  /** Aborts it. */
  readonly signal?: AbortSignal | undefined;
  /** How nodes that name a worker function call it. */
  readonly call?: CallFunction | undefined;
}

/** Only for the type system: what a node asks of the pipeline's input, and gives to its output. */
export declare const TYPES: unique symbol;

/** What has such types. */
export interface Typed<I, O> {
  readonly [TYPES]?: (input: I) => O;
}

/** A pipeline, as a node sees it. */
export interface Nested<I = never, O = unknown> extends Typed<I, O> {
  readonly name: string;
  /** The worker functions that it calls. */
  readonly workerFunctions: readonly string[];
  run(input: I, options?: RunOptions): Promise<O>;
}

/** What a node can run: a function, sync or async; another pipeline; or a worker's function, by its name. */
export type Op = ((...args: never[]) => unknown) | Nested | string;

/** What an operation asks of INPUT, where it reads that. */
export type InputOf<O extends Op, Ins extends readonly string[]> = O extends (...args: infer A) => unknown
  ? Asked<A, Ins>
  : O extends Typed<infer I, unknown>
    ? Ins extends readonly [typeof INPUT]
      ? I
      : unknown
    : unknown;

type Asked<A extends readonly unknown[], Ins extends readonly string[]> = Ins extends readonly [infer Name, ...infer Names extends string[]]
  ? A extends readonly [(infer First)?, ...infer Rest]
    ? (Name extends typeof INPUT ? First : unknown) & Asked<Rest, Names>
    : unknown
  : unknown;

/** What an operation gives to OUTPUT; never, where it gives nothing to it. */
export type OutputOf<O extends Op, Outs extends readonly string[]> = typeof OUTPUT extends Outs[number]
  ? O extends (...args: never[]) => infer R
    ? Given<Awaited<R>, Outs>
    : O extends Typed<never, infer R>
      ? Given<R, Outs>
      : unknown
  : never;

type Given<R, Outs extends readonly string[]> = Outs extends readonly [string] ? R : OneOf<R, Outs>;

/** Of several results the one for OUTPUT. */
type OneOf<R, Outs extends readonly string[]> = Outs extends readonly [infer Name, ...infer Names extends string[]]
  ? R extends readonly [infer First, ...infer Rest]
    ? Name extends typeof OUTPUT
      ? First
      : OneOf<Rest, Names>
    : unknown
  : unknown;
