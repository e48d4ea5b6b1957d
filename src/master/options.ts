/** What a master can be told, and what it tells. */
import { checkBoolean, checkInteger, checkOptions, checkString, shown } from '../common/check.ts';
import type { Logger } from '../common/logger.ts';
import { type Fields, NO_FIELDS, toFields } from '../protocol/fields.ts';
import { MAX_MESSAGE_BYTES } from '../protocol/limits.ts';
import { readOffer } from '../resources/asking.ts';
import type { ResourceOffer } from '../resources/types.ts';
import { leastLoaded } from '../scheduling/least_loaded.ts';
import type { PolicyChoice } from '../scheduling/policy.ts';
import { isLoopback, listenAddress } from '../transport/addresses.ts';
import { checkTransport } from '../transport/given.ts';
import type { Transport } from '../transport/transport.ts';
import { zeromqTransport } from '../transport/zeromq.ts';
import type { CacheOptions, Evicted } from './cache.ts';
import type { MasterConfig } from './core.ts';
import type { MasterNews } from './instructions.ts';
import type { RejectedMessage } from './peers.ts';

export interface MasterOptions {
  /** Said to peers, and in messages. */
  readonly name: string;
  /** Where clients and workers dial: `tcp://host:port` (port `*`: a free one) or `ipc://path`. */
  readonly address: string;
  /** Where workers fetch parts with `roundRobin()`, and where they report. Default: a free port of the same host. */
  readonly workerPushAddress?: string | undefined;
  readonly workerPullAddress?: string | undefined;
  /** Which worker gets what. Default `leastLoaded()`. */
  readonly policy?: PolicyChoice | undefined;
  readonly cache?: CacheOptions | undefined;
  /** The largest payload that is taken, in bytes. Default 64 MiB. */
  readonly maxMessageBytes?: number | undefined;
  /** With a `gather` of your own: all results of one job together, in bytes. Default 64 MiB. */
  readonly maxJobResultBytes?: number | undefined;
  /** What jobs that wait may take here, shared by all streams, in bytes. Default 256 MiB. */
  readonly maxBufferBytes?: number | undefined;
  /**
   * How many workers a part may bring down before it fails with `worker-lost`. Default 3. With 1 no worker is given anything ahead of what
   * it runs, and nothing goes over PUSH; with 2 whatever a lost worker had runs alone next.
   */
  readonly crashLimit?: number | undefined;
  /** How long a worker or a client may be gone before its parts move or its streams are cancelled, in ms. Default 1 s and 30 s. */
  readonly workerReconnectMs?: number | undefined;
  readonly clientReconnectMs?: number | undefined;
  /** Allows an address that other machines can reach, although nothing is encrypted and nobody is asked who they are. */
  readonly insecure?: boolean | undefined;
  /** Where warnings go; `false` silences. Default: stderr. */
  readonly logger?: Logger | false | undefined;
  /** How many events its history remembers, fewer if they are large. Default 64. */
  readonly historyLimit?: number | undefined;
  /** How messages travel. Default: ZeroMQ. */
  readonly transport?: Transport | undefined;
}

interface FailedAttempt {
  stream: string;
  job: number;
  function: string;
  code: string;
  worker: string;
  message: string;
  /** How often it was begun, this time included. */
  attempts: number;
}

/** What a master tells who listens. */
export interface MasterEvents extends Omit<MasterNews, 'jobFailed' | 'jobRetried'> {
  /** It is bound; the address has the port that was chosen. */
  listening: { address: string };
  /** A job, or a part of it, has failed for good. */
  jobFailed: FailedAttempt;
  /** It has failed, and is tried again after its delay: `retries`. */
  jobRetried: FailedAttempt;
  evicted: Evicted;
  rejected: RejectedMessage;
  /** It has stopped; `error` if that was a bug. */
  closed: { error?: Error | undefined };
}

const HEARTBEAT_MS = 5_000;
const BUFFER_BYTES = 268_435_456;
export const MASTER_OPTIONS = [
  'name',
  'address',
  'workerPushAddress',
  'workerPullAddress',
  'policy',
  'cache',
  'maxMessageBytes',
  'maxJobResultBytes',
  'maxBufferBytes',
  'crashLimit',
  'workerReconnectMs',
  'clientReconnectMs',
  'insecure',
  'logger',
  'historyLimit',
  'transport',
];
/** @throws TypeError or RangeError that names the option, what was expected and the value seen. */
export function checkMasterOptions(options: MasterOptions): void {
  checkOptions('Master', options, MASTER_OPTIONS);
  checkString('Master: name', options.name);
  checkAddresses(options);
  if (options.policy !== undefined && typeof options.policy?.create !== 'function') {
    throw new TypeError(`Master: policy: expected leastLoaded(), roundRobin() or grain(), got ${shown(options.policy)}`);
  }
  for (const [name, min] of [
    ['maxMessageBytes', 1],
    ['maxJobResultBytes', 1],
    ['maxBufferBytes', 1],
    ['crashLimit', 1],
    ['workerReconnectMs', 0],
    ['clientReconnectMs', 0],
    ['historyLimit', 1],
  ] as const) {
    checkInteger(`Master: ${name}`, options[name], 0, min);
  }
  checkTransport('Master: transport', options.transport);
}

function checkAddresses({ address, workerPushAddress, workerPullAddress, insecure }: MasterOptions): void {
  const open = checkBoolean('Master: insecure', insecure, false);
  for (const [option, value] of Object.entries({ address, workerPushAddress, workerPullAddress })) {
    if (option !== 'address' && value === undefined) continue;
    listenAddress(`Master: ${option}`, value, open);
  }
}

/** What the state machine is told of the options. */
export function withDefaults(
  options: MasterOptions,
): Pick<
  MasterConfig,
  'policy' | 'maxMessageBytes' | 'maxJobResultBytes' | 'bufferBytes' | 'workerGraceMs' | 'clientGraceMs' | 'crashLimit' | 'heartbeatMs'
> {
  return {
    policy: options.policy ?? leastLoaded(),
    maxMessageBytes: options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
    maxJobResultBytes: options.maxJobResultBytes ?? MAX_MESSAGE_BYTES,
    bufferBytes: options.maxBufferBytes ?? BUFFER_BYTES,
    workerGraceMs: options.workerReconnectMs ?? 1_000,
    clientGraceMs: options.clientReconnectMs ?? 30_000,
    crashLimit: options.crashLimit ?? 3,
    heartbeatMs: (options.transport ?? zeromqTransport()).reportsLostPeers ? 0 : HEARTBEAT_MS,
  };
}

/** What a worker that is dialled offers, as a field of its hello. @throws TypeError or RangeError that names the option */
export function readDialOptions(options: { readonly resources?: ResourceOffer | undefined }): Fields {
  checkOptions('dial', options, ['resources']);
  const { resources } = options;
  return resources === undefined ? NO_FIELDS : toFields({ resources: readOffer('dial: resources', resources) });
}

/** Says what `insecure: true` means. */
export function warnIfOpen({ name, address }: MasterOptions, logger: Logger): void {
  if (isLoopback(address)) return;
  logger.warn(`master ${name} can be reached by other machines at ${address}, and nothing is encrypted (insecure: true)`);
}
