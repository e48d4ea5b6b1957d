/**
 * What the shells ask of a transport. Two exist: ZeroMQ between processes, and one in memory for tests within a process.
 *
 * Laws for every transport:
 * - A message is a list of frames and arrives whole or not at all; on one connection messages arrive in the order of sending.
 * - `send` never waits and never throws. What could not be sent is lost; the loss shows as `lost` or `disconnected`.
 *   Whoever needs a message to arrive keeps it and sends it again (see protocol/session.ts).
 * - A bound socket hears all that arrived before a connection ended. A dialled one may miss what it had not read by then, even if
 *   the other side closed in peace: last words need an answer before close.
 * - Handlers are called from the event loop, never from within a call of ours.
 * - Frames given to `send` must not be written to again before the other side has answered that it has them.
 */

/** One message: a header frame, then any payload frames. */
export type Frames = Uint8Array[];

/** Why a peer's bytes never became a message. */
export interface RejectedPeer {
  /** Where the peer connected from, as far as the transport knows. */
  readonly peer: string;
  /** What was wrong, in words. */
  readonly reason: string;
}

/** Memory of the receiver's that a frame of so many bytes is to be copied to, if it has any for that. */
export type Room = (bytes: number) => Buffer | undefined;

export interface RouterHandlers {
  /** Asked for large frames by a transport that can let go of the memory they came in. */
  readonly room?: Room | undefined;
  /** `connection` is a number that this socket gives each connection; it is never used twice. */
  message(connection: number, frames: Frames): void;
  /** The connection is gone (a notice, or a send that found nobody). Said once; its earlier messages came before. */
  lost(connection: number): void;
  /** Bytes that are not ours: a handshake that failed, or a frame too large. */
  rejected(what: RejectedPeer): void;
}

export interface PullHandlers {
  readonly room?: Room | undefined;
  message(frames: Frames): void;
  rejected(what: RejectedPeer): void;
}

export interface PushHandlers {
  /**
   * How many peers are connected now, and how many `strangers` have connected without a valid handshake so far. A stranger is a
   * peer on its way in, or one that is not ours; ZeroMQ may give a share of the messages to the latter too, so a shell that sees
   * more of both together than it expects sends in another way. Send only while there are peers: without one a message is lost.
   */
  peers(count: number, strangers: number): void;
  /** A peer is gone; what was queued for it is lost. Said once the rota is without it, so a little after `peers`. */
  disconnected(): void;
  rejected(what: RejectedPeer): void;
}

export interface DialHandlers {
  /** The handshake is done: from here on messages may flow. Said at each reconnection too. */
  connected(): void;
  disconnected(): void;
  /** Never called on a push socket. */
  message(frames: Frames): void;
  /** Something answers at the address, but not one of ours. It is dialled again. */
  rejected?(what: RejectedPeer): void;
}

interface Closeable {
  /** Sends what is queued for at most `lingerMs`, then lets go. Resolves when the socket is gone; handlers are not called any more. */
  close(lingerMs: number): Promise<void>;
}

export interface BoundSocket extends Closeable {
  /** The address as bound, with the port that was chosen. */
  readonly address: string;
}

export interface RouterSocket extends BoundSocket {
  send(connection: number, frames: Frames): void;
  /** Forgets a connection, so that its later messages come under a new number. */
  forget(connection: number): void;
}

export interface PushSocket extends BoundSocket {
  send(frames: Frames): void;
}

export interface DialSocket extends Closeable {
  send(frames: Frames): void;
}

export interface Transport {
  readonly name: string;
  /** Whether `lost` is said of a peer that was killed or frozen. Without it, the shells keep heartbeats of their own. */
  readonly reportsLostPeers: boolean;
  /** Fails with an Error whose `code` is 'EADDRINUSE' when the address is taken, and a clear one when it cannot be parsed. */
  bindRouter(address: string, handlers: RouterHandlers): Promise<RouterSocket>;
  bindPull(address: string, handlers: PullHandlers): Promise<BoundSocket>;
  bindPush(address: string, handlers: PushHandlers): Promise<PushSocket>;
  dialDealer(address: string, handlers: DialHandlers): DialSocket;
  dialPull(address: string, handlers: DialHandlers): DialSocket;
  dialPush(address: string, handlers: DialHandlers): DialSocket;
  /** Why nobody answers, as far as it was told; for people to read. */
  trouble?(): string | undefined;
}
