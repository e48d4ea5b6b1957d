/** What the files of the benchmark hand to each other. Types only: the benchmark itself is plain JavaScript. */

/** What one process has used so far; CPU time with that of its child processes, where the system tells. */
export interface Usage {
  cpuMicros: number;
  rss: number;
  /** The highest RSS since the start, or since the last `resetPeak`. */
  peakRss: number;
}

/** A run, as the process that drove it tells it. Times are milliseconds since 1970, with fractions. */
export interface Run {
  startedAt: number;
  endedAt: number;
  jobs: number;
  /** Milliseconds of each job, sorted: only of runs with one job in flight. */
  latencies?: number[];
  /** How long each job slept, in the order of the jobs: only of runs of sleeping jobs. */
  slept?: number[];
}

/** What a driver can be told to do. */
export interface Tasks {
  /** `jobs` payloads of `bytes` each; `inFlight` bounds how many are under way (0: the system's own window). */
  throughput: { jobs: number; bytes: number; inFlight: number; source?: 'sync' | 'async' };
  latency: { jobs: number; bytes: number; by?: 'stream' | 'call' };
  /** Jobs that sleep so many milliseconds, all offered at once. */
  sleeping: { order: number[] };
}

export type Task = keyof Tasks;

export type Driver = { readonly [T in Task]?: (options: Tasks[T]) => Promise<Run> };

/** One run of one system: the run, and the CPU time of each of its processes in microseconds. */
export interface Sample {
  ms: number;
  jobs: number;
  latencies: number[];
  slept: number[];
  cpuMicros: Record<string, number>;
}

/** Numbers of the same thing from several runs. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** One thing that is measured, and all its runs. */
export interface Line {
  name: string;
  samples: Sample[];
}

/** A number that the issue sets a bar for. */
export interface Judged {
  row: string;
  /** What was measured, for people. */
  shown: string;
  value: number;
  must: Bar;
  aim?: Bar | undefined;
}

export interface Bar {
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly text: string;
}

/** A table for RESULTS.md. */
export interface Table {
  title: string;
  note?: string;
  head: string[];
  rows: string[][];
}

export interface Outcome {
  judged: Judged[];
  tables: Table[];
}

export interface Settings {
  runs: number;
  /** Seconds that one run of a throughput workload should take. */
  seconds: number;
  quick: boolean;
  only: string[];
  profile: boolean;
}
