/** Pipelines: nodes with named inputs and outputs, served over HTTP, here or behind a pool of workers. */
import '../wiring.ts';

export { INPUT, OUTPUT } from './graph.ts';
export { type AnyNode, type Format, PipelineNode, type PipelineNodeOptions } from './node.ts';
export type { CallFunction, Nested, NodeContext, Op, RunOptions } from './ops.ts';
export { Pipeline, type PipelineOptions } from './pipeline.ts';
export { PipelineError, type PipelineErrorDetails } from './errors.ts';
export type { PipelineErrorCode } from '../errors.ts';
export { PipelinesServer, type PipelinesServerEvents, type PipelinesServerOptions } from './server.ts';
export { PipelinesWorker, type PipelinesWorkerOptions } from './worker.ts';
export { type CallPipelineOptions, type FetchJobOptions, PipelinesClient, type PipelinesClientOptions } from './client.ts';
export type { CallResult, FetchedJob, JobFailure, PipelineInfo } from './wire.ts';
