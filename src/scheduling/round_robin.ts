/**
 * pylm's pattern: parts go over a PUSH socket, and ZeroMQ picks the worker, each in turn. All workers must serve the same functions,
 * since nobody can say who gets what. When the PUSH socket cannot be trusted (a peer too many, one not there yet), parts go by lease.
 */
import { LeastLoaded } from './least_loaded.ts';
import type { Policy, PolicyChoice, PolicyWorker } from './policy.ts';

class RoundRobin extends LeastLoaded implements Policy {
  override readonly distribution = 'push' as const;
  #functions = '';
  readonly #workers = new Set<number>();

  override join(worker: PolicyWorker): string | undefined {
    const functions = [...worker.functions].sort().join(', ');
    if (this.#workers.size > 0 && functions !== this.#functions) {
      return `with roundRobin() all workers serve the same functions: the others serve ${this.#functions}, this one ${functions}`;
    }
    this.#functions = functions;
    this.#workers.add(worker.worker);
    return super.join(worker);
  }

  override leave(worker: number): void {
    this.#workers.delete(worker);
    super.leave(worker);
  }
}

/** ZeroMQ's PUSH socket spreads parts over the workers, each in turn; all must serve the same functions. */
export function roundRobin(): PolicyChoice {
  return { name: 'roundRobin', create: () => new RoundRobin() };
}
