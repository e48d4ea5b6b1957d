/**
 * The transport between processes: ZeroMQ, one bounded sender and one draining receiver per socket.
 *
 * A send ends within its call: ZeroMQ takes the message, or it is lost. So there is no queue of our own; what ZeroMQ holds is
 * bounded by credit. Sockets live on main threads only: a worker thread that ends with a pending receive kills the process.
 */

import { builtin } from '../common/builtin.ts';
import { parseAddress } from './addresses.ts';
import * as bound from './zeromq_bound.ts';
import * as dial from './zeromq_dial.ts';
import { notifies, raiseSocketLimit, readSettings, type ZeromqOptions } from './zeromq_options.ts';
import type { Transport } from './transport.ts';
import { Unreachable } from './unreachable.ts';

export type { ZeromqOptions } from './zeromq_options.ts';

function check(address: string, dials: boolean): void {
  const { scheme, port } = parseAddress(address);
  if (scheme === 'memory') throw new TypeError(`address: expected 'tcp://host:port' or 'ipc://path', got '${address}'`);
  if (dials && scheme === 'tcp' && port === '*') throw new TypeError(`address: expected a port to dial, got '${address}'`);
}

/** A transport over ZeroMQ: `tcp://` and `ipc://`. Throws a RangeError for an option out of range. */
export function zeromqTransport(options: ZeromqOptions = {}): Transport {
  const settings = readSettings(options);
  if (!builtin('worker_threads').isMainThread)
    throw new Error('zeromqTransport: sockets work on the main thread only, this is a worker thread');
  raiseSocketLimit();
  const unreachable = new Unreachable();
  return {
    name: 'zeromq',
    reportsLostPeers: notifies(),
    // Async, so that a bad address rejects like any other failure to bind.
    bindRouter: async (address, handlers) => (check(address, false), bound.bindRouter(settings, address, handlers)),
    bindPull: async (address, handlers) => (check(address, false), bound.bindPull(settings, address, handlers)),
    bindPush: async (address, handlers) => (check(address, false), bound.bindPush(settings, address, handlers)),
    dialDealer: (address, handlers) => (check(address, true), dial.dialDealer(settings, address, handlers, unreachable)),
    dialPull: (address, handlers) => (check(address, true), dial.dialPull(settings, address, handlers)),
    dialPush: (address, handlers) => (check(address, true), dial.dialPush(settings, address, handlers)),
    trouble: () => unreachable.reason,
  };
}
