// @ts-check
// The pipelines, which server, worker and client share.
import { INPUT, OUTPUT, Pipeline, PipelineNode } from 'gristmill/pipelines';

const addOne = (/** @type {number} */ number) => number + 1;
const isOdd = (/** @type {number} */ number) => number % 2 === 1;

export const isOddPipeline = new Pipeline({
  name: 'is_odd',
  nodes: [new PipelineNode({ op: isOdd, inputs: [INPUT], outputs: [OUTPUT] })],
});

export const asyncPipeline = new Pipeline({
  name: 'async_pipeline',
  useWorker: true,
  nodes: [
    new PipelineNode({ op: addOne, inputs: [INPUT], outputs: ['added_number'] }),
    new PipelineNode({ op: isOdd, inputs: ['added_number'], outputs: [OUTPUT] }),
  ],
});
