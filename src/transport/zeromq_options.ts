/** How every ZeroMQ socket of ours is set up, and why. */

import type { Router } from 'zeromq';
import { builtin } from '../common/builtin.ts';
import { isLoopback, parseAddress } from './addresses.ts';
import type { Monitor } from './zeromq_monitor.ts';
import { zeromq } from './zeromq_package.ts';

export interface ZeromqOptions {
  /** No frame may be longer; a peer that announces a longer one is disconnected before anything is allocated. Default 4 MiB + 64 KiB. */
  maxFrameBytes?: number;
  /** How often a silent connection is pinged. Default 500 ms. */
  heartbeatIntervalMs?: number;
  /** A connection that answers no ping for so long is cut. Default 1,500 ms. */
  heartbeatTimeoutMs?: number;
  /** The longest pause between two attempts to connect. Default 500 ms; the first pause is 50 ms. */
  reconnectMaxIntervalMs?: number;
}

export type Settings = Readonly<Required<ZeromqOptions>>;

/** What a router may have queued for one connection. Far above any peer's credit: reaching it means that the peer is stuck. */
const ROUTER_QUEUE_MESSAGES = 100_000;
const FIRST_RECONNECT_MS = 50;
const MAX_SOCKETS = 16_384;
const ZMQ_ROUTER_NOTIFY = 97;
const ZMQ_NOTIFY_DISCONNECT = 2;

export function notifies(): boolean {
  return zeromq().capability.draft === true;
}

export function readSettings(options: ZeromqOptions): Settings {
  const settings = {
    maxFrameBytes: options.maxFrameBytes ?? 4 * 1024 * 1024 + 64 * 1024,
    heartbeatIntervalMs: options.heartbeatIntervalMs ?? 500,
    heartbeatTimeoutMs: options.heartbeatTimeoutMs ?? 1_500,
    reconnectMaxIntervalMs: options.reconnectMaxIntervalMs ?? 500,
  };
  for (const [name, value] of Object.entries(settings)) {
    if (!Number.isInteger(value) || value < 1 || value > 0x7fff_ffff)
      throw new RangeError(`${name}: expected a positive integer, got ${String(value)}`);
  }
  return settings;
}

/** The context fixes its size at its first socket; its default of 1,023 ends in EMFILE. */
export function raiseSocketLimit(): void {
  const { context } = zeromq();
  const wanted = Math.min(MAX_SOCKETS, context.maxSocketsLimit);
  if (context.maxSockets < wanted) context.maxSockets = wanted;
}

interface Common {
  readonly ipv6: boolean;
  readonly linger: number;
  readonly maxMessageSize: number;
  readonly heartbeatInterval: number;
  readonly heartbeatTimeout: number;
  readonly handshakeInterval: number;
}

/**
 * A finite receive high-water mark makes heartbeats kill peers that are merely busy, so there is none: what is queued is bounded by
 * credit. `sendTimeout: 0` makes every send end within its call.
 */
function common(settings: Settings, address: string): Common {
  return {
    ipv6: parseAddress(address).host.startsWith('['),
    linger: 0,
    maxMessageSize: settings.maxFrameBytes,
    heartbeatInterval: settings.heartbeatIntervalMs,
    heartbeatTimeout: settings.heartbeatTimeoutMs,
    handshakeInterval: patience(settings),
  };
}

/**
 * How long a connection may take to stand. Heartbeats begin only then: one that is made while the network swallows what is sent would
 * wait half a minute for the handshake, and for minutes for TCP's, long after the network has healed.
 */
function patience(settings: Settings): number {
  return 2 * settings.heartbeatTimeoutMs;
}

export const receiving = { receiveHighWaterMark: 0 } as const;

interface Sending {
  readonly sendHighWaterMark: number;
  readonly sendTimeout: number;
  readonly sendBufferSize: number;
}

/** What the kernel may hold of a connection on loopback, twice over: Linux adds as much for itself. */
const LOOPBACK_BUFFER_BYTES = 524_288;
const SYSTEMS_CHOICE = -1;

/**
 * The kernel lets a connection have some MiB under way, which a long line needs. On loopback nothing is under way: what is written just
 * waits, and has left the CPU's caches when it is read. So less is let in.
 */
export function sending(address: string): Sending {
  const near = parseAddress(address).scheme === 'tcp' && isLoopback(address);
  return { sendHighWaterMark: 0, sendTimeout: 0, sendBufferSize: near ? LOOPBACK_BUFFER_BYTES : SYSTEMS_CHOICE };
}

export function binding(settings: Settings, address: string): Common & { readonly backlog: number } {
  return { ...common(settings, address), backlog: 1_000 };
}

interface Dialling extends Common {
  readonly immediate: boolean;
  readonly reconnectInterval: number;
  readonly reconnectMaxInterval: number;
  readonly connectTimeout: number;
}

/** Without `immediate`, what was sent to a dead peer would reach its successor before our greeting does. */
export function dialling(settings: Settings, address: string): Dialling {
  return {
    ...common(settings, address),
    immediate: true,
    reconnectInterval: Math.min(FIRST_RECONNECT_MS, settings.reconnectMaxIntervalMs),
    reconnectMaxInterval: settings.reconnectMaxIntervalMs,
    connectTimeout: patience(settings),
  };
}

/** A router that reads an empty message from a connection that is gone (an option that zeromq.js has no name for). */
export function notifyingRouter(settings: Settings, address: string): Router {
  class Notifying extends zeromq().Router {
    notify(): void {
      this.setInt32Option(ZMQ_ROUTER_NOTIFY, ZMQ_NOTIFY_DISCONNECT);
    }
  }
  const queue = { mandatory: true, sendHighWaterMark: ROUTER_QUEUE_MESSAGES };
  const router = new Notifying({ ...binding(settings, address), ...receiving, ...sending(address), ...queue });
  if (notifies()) router.notify();
  return router;
}

interface Bindable {
  readonly lastEndpoint: string | null;
  bind(address: string): Promise<void>;
}

/** Binds, and says where: the host as given, with the port that was chosen. */
export async function bind(socket: Bindable, address: string): Promise<string> {
  const { scheme, host, port } = parseAddress(address);
  if (scheme === 'ipc' && (await answers(host))) throw cannotBind(address, 'EADDRINUSE');
  try {
    // libzmq takes no names that need resolving when it binds.
    await socket.bind(scheme === 'tcp' && host === 'localhost' ? `tcp://127.0.0.1:${port}` : address);
  } catch (error) {
    throw cannotBind(address, (error as NodeJS.ErrnoException).code ?? 'EINVAL', error);
  }
  const bound = socket.lastEndpoint ?? address;
  return scheme === 'tcp' ? `tcp://${host}:${bound.slice(bound.lastIndexOf(':') + 1)}` : bound;
}

/** libzmq takes an ipc path from whoever listens on it, without a word: so ask first. */
function answers(path: string): Promise<boolean> {
  if (path === '*') return Promise.resolve(false);
  return new Promise((resolve) => {
    const probe = builtin('net').connect({ path: path.startsWith('@') ? `\0${path.slice(1)}` : path });
    const done = (answer: boolean) => {
      probe.destroy();
      resolve(answer);
    };
    probe.once('connect', () => done(true)).once('error', () => done(false));
  });
}

const WORDS: Record<string, string> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENODEV: 'this machine has no such address',
  EACCES: 'not permitted',
  ENAMETOOLONG: 'the path is too long',
};

function cannotBind(address: string, code: string, cause?: unknown): Error {
  const error = new Error(`cannot bind ${address}: ${WORDS[code] ?? 'refused by ZeroMQ'} (${code})`, { cause });
  return Object.assign(error, { code });
}

interface Lingering {
  linger: number;
  close(): void;
}

/** Closes a socket whose reader and monitor have been stopped; resolves when it is gone. */
export async function shut(socket: Lingering, monitor: Monitor, lingerMs: number): Promise<void> {
  socket.linger = Math.max(0, Math.min(0x7fff_ffff, Math.ceil(lingerMs)));
  socket.close();
  await monitor.ended;
}
