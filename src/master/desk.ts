/**
 * The desk: where jobs wait that were submitted to a master and that nobody holds a stream for. It is a client in the master's own
 * process, so the master may not know it: whoever puts the package together says how to open one (`useDesk`), and a master does so when
 * the first job is submitted.
 *
 * A submitted job is a value under a reserved key: to set it submits, to get it tells what became of it, to delete it cancels.
 */
import type { Transport } from '../transport/transport.ts';
import type { Whereabouts } from './whereabouts.ts';

/** Keys of submitted jobs begin so. */
export const JOB_KEY = 'gristmill:job:';

/** What answers calls for keys. A RangeError that it throws is told to the caller. */
export interface KeyStore {
  get(key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  set(value: Uint8Array, key: string): string | Promise<string>;
  delete(key: string): boolean | Promise<boolean>;
}

export interface Desk extends KeyStore {
  close(): Promise<void>;
}

export interface DeskHost {
  readonly address: string;
  /** Reaches the master from inside its process. */
  readonly transport: Transport;
  readonly maxBytes: number;
  readonly whereabouts: (stream: string) => Whereabouts;
}

let opener: ((host: DeskHost) => Promise<Desk>) | undefined;

/** Says how a desk is opened. */
export function useDesk(open: (host: DeskHost) => Promise<Desk>): void {
  opener = open;
}

export function openDesk(host: DeskHost): Promise<Desk> {
  if (opener === undefined) return Promise.reject(new RangeError('this master takes no submitted jobs'));
  return opener(host);
}
