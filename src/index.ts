/** The public names of the package, each listed. */
import './wiring.ts';

export { type AddedInstance, Master, type MasterOptions } from './specialized/master.ts';
export type { MasterEvents } from './master/options.ts';
export type { CacheOptions } from './master/cache.ts';
export type { Messages } from './master/generators.ts';
export { Message, type MessageChange } from './master/message.ts';
export type { MasterStatus } from './protocol/status.ts';

export { Worker, type WorkerOptions } from './worker/worker.ts';
export type { WorkerEvents } from './worker/connection.ts';
export type { JobContext } from './worker/context.ts';
export { jobContext } from './worker/job_context.ts';
export type { ProgramOptions, ProgramResult } from './worker/program.ts';

export { type Exit, type SpawnedWorker, type SpawnedWorkers, type SpawnOptions, spawnWorkers } from './worker/spawn.ts';
export { defineSpecializedWorker, type InstanceFields, type Specialized, type SpecializedDefinition } from './specialized/define.ts';
export type { Tasklet, TaskletContext } from './specialized/instance.ts';
export type { Holding } from './specialized/instances.ts';
export { SpecializedWorker, type SpecializedWorkerEvents, type SpecializedWorkerOptions } from './specialized/worker.ts';
export { Server, type ServerOptions } from './server.ts';

export { Client, type ClientOptions } from './client/client.ts';
export type { ClientEvents } from './client/connection.ts';

export type {
  CallOptions,
  FunctionsOf,
  Item,
  JobInfo,
  JobItem,
  JobOptions,
  JobStream,
  Payload,
  Retries,
  Settled,
  Source,
  Status,
  StreamOptions,
  WorkerAnswer,
  WorkerFunction,
} from './streams/types.ts';

export { type SpawnWorkerOptions, type WorkerHandle, WorkerPool } from './pools/pool.ts';
export type { JobRecord, JobStatus, SubmitOptions } from './pools/record.ts';
export { openPool, type OpenPoolOptions } from './pools/open_pool.ts';
export { MasterPool, type MasterPoolOptions } from './pools/master_pool.ts';

export { leastLoaded } from './scheduling/least_loaded.ts';
export { roundRobin } from './scheduling/round_robin.ts';
export { grain, type GrainOptions } from './scheduling/grain.ts';
export type { PolicyChoice } from './scheduling/policy.ts';
export { machine } from './resources/asking.ts';
export type { Kind } from './resources/kind.ts';
export type { AllottedResources, ResourceOffer, ResourceRequest } from './resources/types.ts';

export {
  ClosedError,
  type ClosedErrorCode,
  ConnectError,
  type ConnectErrorCode,
  GristmillError,
  type GristmillErrorCode,
  JobError,
  type JobErrorCode,
  type JobErrorDetails,
} from './errors.ts';

export type { Emitter } from './common/emitter.ts';
export type { Logger } from './common/logger.ts';
export type { Transport } from './transport/transport.ts';
