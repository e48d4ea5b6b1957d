/** Resources as users write and read them: plain objects, one member for each kind. */

/** What a job asks for. Other members are kinds that the master was given by name. */
export interface ResourceRequest {
  /** How many cores. */
  readonly cores?: number | undefined;
  /** Memory in GiB; fractions are counted exactly, in millionths. */
  readonly memoryGb?: number | undefined;
  /**
   * How long an attempt may run: seconds, or `[days-]hours:minutes:seconds`. Then its signal is aborted and it fails with `timed-out`.
   * Without it nothing can be placed ahead of a job that was promised the same worker.
   */
  readonly walltime?: number | string | undefined;
  /** After this the function is told by `job.softSignal`, and may still end well. Needs a walltime. */
  readonly softWalltime?: number | string | undefined;
  /** Words that the worker must have, exactly these; one or several. */
  readonly token?: string | readonly string[] | undefined;
  /** How much of the worker's count. */
  readonly capacity?: number | undefined;
  readonly [kind: string]: unknown;
}

/** What a worker offers. */
export interface ResourceOffer {
  /** How many cores, or which. Default: those that the process may use. */
  readonly cores?: number | readonly number[] | undefined;
  /** Memory in GiB. Default: what the process may use. */
  readonly memoryGb?: number | undefined;
  /** How long the worker will be there: seconds, or `[days-]hours:minutes:seconds`. It counts down. Default: for ever. */
  readonly walltime?: number | string | undefined;
  readonly token?: string | readonly string[] | undefined;
  readonly capacity?: number | undefined;
  readonly [kind: string]: unknown;
}

/** What a job was given: only what it asked for. */
export interface AllottedResources {
  /** Which cores: asked for 3, got `[6, 7, 9]`. */
  readonly cores?: readonly number[];
  /** Memory in GiB. */
  readonly memoryGb?: number;
  /** Seconds. */
  readonly walltime?: number;
  readonly softWalltime?: number;
  readonly token?: string | readonly string[];
  readonly capacity?: number;
  readonly [kind: string]: unknown;
}
