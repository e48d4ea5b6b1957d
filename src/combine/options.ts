/** Where the jobs of a combine run: what users say of it. */
import { checkBoolean, checkInteger, checkOptions, checkSignal, shown } from '../common/check.ts';
import type { Logger } from '../common/logger.ts';
import type { ResourceOffer } from '../resources/types.ts';
import type { PolicyChoice } from '../scheduling/policy.ts';
import type { Tasklet } from '../specialized/instance.ts';
import type { Transport } from '../transport/transport.ts';

const COMMON = ['maxGroups', 'signal', 'logger'] as const;
const HEAD = ['policy', 'workers', 'resourcesPerWorker', 'local', 'isolate', 'workerModule', 'tasklets', 'specializedType'] as const;
const MAX_GROUPS = 10_000;

export interface CommonOptions {
  /** How many groups may be open at a time; default 10,000. */
  readonly maxGroups?: number | undefined;
  /** Cancels everything, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Where lines for people go: default stderr; `false`: nowhere. */
  readonly logger?: Logger | false | undefined;
}

/** Jobs go to a master that runs already. */
export interface RunningMaster extends CommonOptions {
  /** Where it is; or several: when the first is gone, the next is tried. */
  readonly address: string | readonly string[];
  /** How messages travel; default: ZeroMQ. */
  readonly transport?: Transport | undefined;
}

/** A head runs in this process for as long as the combine does. */
interface OwnHead extends CommonOptions {
  /** Default: `grain()`. */
  readonly policy?: PolicyChoice | undefined;
  /** Functions that run on the head, with the client of a specialized worker. */
  readonly tasklets?: Readonly<Record<string, Tasklet>> | undefined;
  /** Modules of specialized workers; of those that are backendless one instance each is begun, with `resourcesPerWorker`. */
  readonly specializedType?: string | readonly string[] | undefined;
  /** What each worker offers, instead of what it says itself. */
  readonly resourcesPerWorker?: ResourceOffer | undefined;
}

/** The head dials workers that listen. */
export interface PassiveWorkers extends OwnHead {
  /** Where they listen, as `tcp://host:4242`. */
  readonly workers: readonly string[];
}

/** The head starts a worker of its own, in a process of its own, which it starts again if it dies. */
export interface LocalWorkers extends OwnHead {
  /** What it offers; default: the cores and the memory that this process may use. */
  readonly local: ResourceOffer;
  /** Each function runs in a process of its own, so that as many run at a time as there are cores for. Default: true. */
  readonly isolate?: boolean | undefined;
  /** A module whose default export is the worker's class, as `new URL('./worker.js', import.meta.url)`. */
  readonly workerModule: URL | string;
}

/** The head has tasklets, and backendless workers for them. */
export interface Backendless extends OwnHead {
  readonly tasklets: Readonly<Record<string, Tasklet>>;
  readonly specializedType: string | readonly string[];
}

export type CombineOptions = RunningMaster | PassiveWorkers | LocalWorkers | Backendless;

/** All of them, as a head sees them. */
export type HeadOptions = OwnHead & Partial<Omit<PassiveWorkers, keyof OwnHead> & Omit<LocalWorkers, keyof OwnHead>>;

export interface ReadOptions {
  readonly maxGroups: number;
  readonly signal: AbortSignal | undefined;
  readonly logger: Logger | false | undefined;
  readonly where: RunningMaster | HeadOptions;
}

/** @throws TypeError or RangeError that names the option, what was expected and the value seen */
export function readOptions(options: CombineOptions): ReadOptions {
  const what = 'runCombine';
  checkOptions(what, options, [...COMMON, 'address', 'transport', ...HEAD]);
  const { maxGroups, signal, logger } = options;
  const common = {
    maxGroups: checkInteger(`${what}: maxGroups`, maxGroups, MAX_GROUPS, 1),
    signal: checkSignal(`${what}: signal`, signal),
    logger,
  };
  if ('address' in options && options.address !== undefined) {
    const other = HEAD.find((name) => name in options);
    if (other !== undefined) throw new TypeError(`${what}: expected either address or ${other}, got both`);
    return { ...common, where: options };
  }
  const head: HeadOptions = options;
  checkHead(what, head);
  return { ...common, where: head };
}

function checkHead(what: string, { workers, local, isolate, workerModule, tasklets, specializedType }: HeadOptions): void {
  if (workers === undefined && local === undefined && specializedType === undefined)
    throw new TypeError(`${what}: expected address, workers, local with workerModule, or specializedType: where the jobs run`);
  if (workers !== undefined && (!Array.isArray(workers) || workers.length === 0))
    throw new TypeError(`${what}: workers: expected an array of addresses, got ${shown(workers)}`);
  if ((local === undefined) !== (workerModule === undefined))
    throw new TypeError(`${what}: expected both local and workerModule, got ${local === undefined ? 'workerModule' : 'local'} alone`);
  if (workerModule !== undefined && !(workerModule instanceof URL) && typeof workerModule !== 'string')
    throw new TypeError(`${what}: workerModule: expected the URL or path of a module, got ${shown(workerModule)}`);
  checkBoolean(`${what}: isolate`, isolate, true);
  if (tasklets !== undefined && (tasklets === null || typeof tasklets !== 'object'))
    throw new TypeError(`${what}: tasklets: expected an object of functions by name, got ${shown(tasklets)}`);
}
