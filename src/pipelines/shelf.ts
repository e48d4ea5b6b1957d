/** The pipelines of a server or worker, by name. */
import { shown } from '../common/check.ts';
import { PipelineError } from './errors.ts';
import { Pipeline } from './pipeline.ts';

export class Shelf {
  readonly #byName = new Map<string, Pipeline>();

  /** @throws TypeError or RangeError for what is no array of pipelines with names of their own */
  constructor(what: string, pipelines: unknown) {
    if (!Array.isArray(pipelines)) throw new TypeError(`${what}: pipelines: expected an array of Pipeline, got ${shown(pipelines)}`);
    for (const pipeline of pipelines as readonly unknown[]) {
      if (!(pipeline instanceof Pipeline)) throw new TypeError(`${what}: pipelines: expected a Pipeline, got ${shown(pipeline)}`);
      if (this.#byName.has(pipeline.name)) throw new RangeError(`${what}: pipelines: two are called '${pipeline.name}'`);
      this.#byName.set(pipeline.name, pipeline);
    }
  }

  get size(): number {
    return this.#byName.size;
  }

  get names(): string[] {
    return [...this.#byName.keys()];
  }

  get all(): Pipeline[] {
    return [...this.#byName.values()];
  }

  /** @throws PipelineError `unknown-pipeline` that names those that are there */
  get(name: string): Pipeline {
    const pipeline = this.#byName.get(name);
    if (pipeline !== undefined) return pipeline;
    throw new PipelineError('unknown-pipeline', `there is no pipeline ${shown(name)}; there is ${this.names.join(', ') || 'none'}`);
  }
}
