/** What the functions of a worker's process have of its resources, whoever gave it to them: no more than there is, and no core twice. */
import { unpackValue } from '../protocol/fields.ts';
import type { Task } from './tasks.ts';

const MILLIONTHS = 1_000_000;

export type OfferedResources = {
  readonly cores: number | readonly number[];
  readonly memoryGb: number;
};

interface Given {
  readonly cores?: readonly number[];
  readonly memoryGb?: number;
}

/** What is wrong with what these tasks have at one time, if anything is. */
export function overAllocated(offer: OfferedResources | undefined, tasks: Iterable<Task>): string | undefined {
  const taken = new Map<number, Task>();
  let memory = 0;
  for (const task of tasks) {
    if (task.ended || task.lane) continue;
    const { cores = [], memoryGb = 0 } = unpackValue(task.allotted) as Given;
    memory += Math.round(memoryGb * MILLIONTHS);
    const { resources: asked } = task.plan.spec;
    if (cores.length !== (asked?.cores ?? 0) || memoryGb !== (asked?.memoryGb ?? 0))
      return `${named(task)} was given other than it asked for`;
    for (const core of cores) {
      const other = taken.get(core);
      if (other !== undefined) return `${named(task)} and ${named(other)} have core ${core} at the same time`;
      taken.set(core, task);
      if (typeof offer?.cores === 'number' ? core >= offer.cores : offer?.cores.includes(core) !== true)
        return `${named(task)} has core ${core}, which was not offered`;
    }
  }
  if (memory > Math.round((offer?.memoryGb ?? 0) * MILLIONTHS)) return `functions have ${memory / MILLIONTHS} GiB, over what was offered`;
  return undefined;
}

function named({ id, job, part, attempt }: Task): string {
  return `part ${id}/${job}/${part} (attempt ${attempt})`;
}
