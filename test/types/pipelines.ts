/** What the type system must allow and refuse for pipelines. Lines marked with `@ts-expect-error` must not compile. */
import {
  INPUT,
  OUTPUT,
  Pipeline,
  PipelineError,
  PipelineNode,
  type PipelinesClient,
  PipelinesServer,
  PipelinesWorker,
} from 'gristmill/pipelines';
import type { CallResult, FetchedJob, NodeContext } from 'gristmill/pipelines';
import { type GristmillErrorCode, GristmillError } from 'gristmill';

/** Compiles only if both types are the same. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
const same: true = true;

const isOdd = new Pipeline({
  name: 'is_odd',
  nodes: [
    new PipelineNode({ op: (n: number) => n + 1, inputs: [INPUT], outputs: ['added'] }),
    new PipelineNode({
      op: async (n: number, context: NodeContext) => (context.signal.throwIfAborted(), n % 2 === 1),
      inputs: ['added'],
      outputs: [OUTPUT],
    }),
  ],
});
same satisfies Same<typeof isOdd, Pipeline<number, boolean>>;

// Where nodes ask for different things, the input is said; the output is what the node gives that gives it, also as one of several.
const wide = new Pipeline<{ a: string; b: string }, string>({
  name: 'wide',
  nodes: [
    new PipelineNode({ op: (n: number, x: { a: string }) => `${n}${x.a}`, inputs: ['length', INPUT], outputs: [OUTPUT] }),
    new PipelineNode({ op: (x: { b: string }) => x.b.length, inputs: [INPUT], outputs: ['length'] }),
  ],
});
const pair = new Pipeline({
  name: 'pair',
  nodes: [new PipelineNode({ op: (s: string): [number, Date] => [s.length, new Date(s)], inputs: [INPUT], outputs: ['length', OUTPUT] })],
});
same satisfies Same<typeof pair, Pipeline<string, Date>>;

// Nested, its types are those of the inner one.
const outer = new Pipeline({
  name: 'outer',
  nodes: [
    new PipelineNode({ op: isOdd, inputs: [INPUT], outputs: ['odd'] }),
    new PipelineNode({ op: (odd: boolean) => String(odd), inputs: ['odd'], outputs: [OUTPUT] }),
  ],
});
same satisfies Same<typeof outer, Pipeline<number, string>>;

// A worker function's types are not known here; whoever knows them says so.
const remote = new Pipeline({ name: 'remote', nodes: [new PipelineNode({ op: 'foo', inputs: [INPUT], outputs: [OUTPUT] })] });
same satisfies Same<typeof remote, Pipeline<unknown>>;
const typed = remote as Pipeline<number, string>;

// @ts-expect-error: a number is asked for
isOdd.run('4').catch(() => undefined);
// @ts-expect-error: outputs are many
export const x1 = new PipelineNode({ op: () => 1, inputs: [INPUT], outputs: OUTPUT });
// @ts-expect-error: no such operation
export const x2 = new PipelineNode({ op: 5, inputs: [INPUT], outputs: [OUTPUT] });
// @ts-expect-error: no such option
export const x3 = new Pipeline({ name: 'p', nodes: [], useWorkers: true });
// @ts-expect-error: nodes are PipelineNode
export const x4 = new Pipeline({ name: 'p', nodes: [{ op: () => 1, inputs: [INPUT], outputs: [OUTPUT] }] });

export const x5 = new PipelinesServer({ pipelines: [isOdd, wide, pair, outer, remote, typed] });
export const x6 = new PipelinesWorker({ pipelines: [isOdd, wide], address: 'tcp://127.0.0.1:5555' });

export async function asked(client: PipelinesClient): Promise<boolean | undefined> {
  const result: CallResult<boolean> = await client.callPipeline(isOdd, 4, { useWorker: true });
  // @ts-expect-error: a number is asked for
  await client.callPipeline(isOdd, '4');
  // By name: anything goes in, and what comes out is unknown.
  const named = await client.callPipeline('is_odd', '4');
  same satisfies Same<typeof named, CallResult<unknown>>;
  if (result.status === 'done') {
    same satisfies Same<typeof result.value, boolean>;
    return result.value;
  }
  if (result.status === 'failed') throw new Error(`${result.error.message} after ${result.error.attempts}`);
  const job: FetchedJob<boolean> = await client.fetchJob(result.jobId, isOdd, { waitMs: 1_000 });
  // @ts-expect-error: it may not be there
  const value: boolean = job.value;
  return job.status === 'done' ? job.value : value;
}

export function codeOf(error: unknown): GristmillErrorCode | undefined {
  if (error instanceof PipelineError && error.code === 'unknown-job') return error.code;
  return error instanceof GristmillError ? error.code : undefined;
}
