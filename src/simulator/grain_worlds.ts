/** Small worlds in which functions ask for resources, and workers hold some: the policy is `grain()`. */
import { grain } from '../scheduling/grain.ts';
import { Random } from './random.ts';
import type { SimulationOptions } from './simulate.ts';
import { smallWorld } from './small_worlds.ts';
import type { FunctionSpec, WantedResources } from './workload.ts';

/** The world of a seed. Every request fits some worker, so every stream ends. */
export function grainWorld(seed: number): SimulationOptions {
  const random = new Random(seed, 'grain');
  const world = smallWorld(seed);
  const workers = (world.workers as readonly object[]).map((spec) => {
    const cores = random.chance(0.5) ? random.whole(2, 4) : [1, 3, 5, 7].slice(0, random.whole(2, 4));
    return { slots: 1, ...spec, resources: { cores, memoryGb: random.pick([2, 2.5, 3]) } };
  });
  const functions: Record<string, FunctionSpec> = {};
  for (const [name, spec] of Object.entries(world.workload.functions)) {
    // What waits for others keeps what it has: so those that call ask for nothing.
    functions[name] = spec.calls === undefined && random.chance(0.8) ? { ...spec, resources: drawResources(random) } : spec;
  }
  const placement = random.pick(['best-fit', 'first-fit', 'spread'] as const);
  const policy = grain({ placement, reserveAfterMs: random.pick([0, 20, 1_000]) });
  return { ...world, workers, workload: { ...world.workload, functions }, policy };
}

function drawResources(random: Random): WantedResources {
  const cores = random.whole(1, 2);
  if (random.chance(0.3)) return { cores };
  // Memory that nobody fills up with others beside, and fractions that do not add up in binary.
  const memoryGb = random.pick([0.1, 0.3, 0.7, 1.5, 2]);
  return random.chance(0.3) ? { cores, memoryGb, walltime: 3_600 } : { cores, memoryGb };
}
