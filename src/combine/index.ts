/** The public names of `gristmill/combine`. */
export { exec1, type Main, type Returned, runCombine, waitgroup } from './combine.ts';
export type { Begun, Request, WaitGroup } from './group.ts';
export type { Backendless, CombineOptions, CommonOptions, LocalWorkers, PassiveWorkers, RunningMaster } from './options.ts';
