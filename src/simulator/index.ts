/** A seeded world in virtual time that runs the real state machines: the public names of the simulator. */
export { simulate, type SimulationOptions, type SimulationResult } from './simulate.ts';
export { grainWorld } from './grain_worlds.ts';
export { smallWorld } from './small_worlds.ts';
export { type Fault, type FaultKind, type FaultRole, type FaultSpec } from './faults.ts';
export type { WorkerSpec } from './world.ts';
export { STREAM, type FunctionSpec, type Range, type StreamSpec, type WantedResources, type Workload } from './workload.ts';
