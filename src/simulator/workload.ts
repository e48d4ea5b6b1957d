/** What users do in a world: which functions workers serve, what streams clients open, what the master's scatter and gather are. */
import type { JobOptions } from '../streams/types.ts';

/** From and to, both included. */
export type Range = readonly [from: number, to: number];

/** What a function's parts ask for. */
export interface WantedResources {
  readonly cores: number;
  readonly memoryGb?: number;
  readonly walltime?: number;
}

export interface FunctionSpec {
  /** How long a run takes, in ms. */
  readonly ms: Range;
  /** How long each job's run takes, by its place in its stream, where that is to be known beforehand: instead of `ms`. */
  readonly msOfJobs?: readonly number[];
  /** It keeps the worker's event loop for itself. */
  readonly blocks?: boolean;
  /** It is a generator of so many results; else it returns one. */
  readonly results?: Range;
  /** Bytes of a result. */
  readonly bytes?: Range;
  /** How likely a job makes it throw, or kill its worker. */
  readonly throws?: number;
  readonly kills?: number;
  /** Such a job makes it throw so often, then no more. Default: always. */
  readonly throwsTimes?: Range;
  /** It asks the cache before it does anything. */
  readonly asks?: boolean;
  /** What it asks for, with the policy `grain()`. */
  readonly resources?: WantedResources;
  /** It goes on when it is told to stop. */
  readonly stubborn?: boolean;
  /** It calls this function, so many times, before it does anything. */
  readonly calls?: string;
  readonly callJobs?: number;
}

/** What a user may say of a job. */
export type Rules = Pick<JobOptions, 'retries' | 'timeoutMs'>;

export interface StreamSpec extends Rules {
  /** Which client opens it, by index, and when. */
  readonly client: number;
  readonly startMs: number;
  /** Jobs go to these in turn. */
  readonly functions: readonly string[];
  /** Infinity: the source has no end; then `messages` or `leaveAfter` ends the stream. */
  readonly jobs: number;
  /** Bytes of a job. */
  readonly bytes: Range;
  /** The source gives a job so often; 0: at once. */
  readonly everyMs: number;
  /** The source throws behind so many jobs. */
  readonly failsAfter: number;
  readonly ordered: boolean;
  /** Errors are taken like results; else the first ends the stream. */
  readonly settle: boolean;
  /** Options of the stream, as users give them. 0: none. */
  readonly messages: number;
  /** The consumer leaves behind so many results. Infinity: it does not. */
  readonly leaveAfter: number;
  /** How many results may wait for the consumer. */
  readonly window: number;
  /** The consumer takes a result so often; 0: at once. */
  readonly takeMs: number;
  /** How likely a job has rules of its own, and which. */
  readonly own?: (Rules & { readonly share: number }) | undefined;
  /** How likely the user cancels a job, and how long after it was given. */
  readonly cancels?: { readonly share: number; readonly afterMs: Range } | undefined;
  /** The user cancels the whole stream after so long. */
  readonly stopAfterMs?: number | undefined;
}

/** What a client does with the cache: it sets, gets and deletes keys of its own. */
export interface CacheSpec {
  readonly calls: number;
  readonly everyMs: Range;
  readonly keys: number;
  readonly bytes: Range;
}

export interface Workload {
  readonly functions: Readonly<Record<string, FunctionSpec>>;
  readonly streams: readonly StreamSpec[];
  /** The master's scatter: how many parts it makes of a job. Absent: it has none. */
  readonly scatter?: Range | undefined;
  /** The master's gather: it merges all results of a job into one, or gives one for each. */
  readonly gather?: 'merge' | 'map' | undefined;
  /** What each client does with the cache. Absent: nothing. */
  readonly cache?: CacheSpec | undefined;
}

export const STREAM: StreamSpec = {
  client: 0,
  startMs: 0,
  functions: ['work'],
  jobs: 1,
  bytes: [1, 100],
  everyMs: 0,
  failsAfter: Infinity,
  ordered: false,
  settle: true,
  messages: 0,
  leaveAfter: Infinity,
  window: 4_096,
  takeMs: 0,
};
