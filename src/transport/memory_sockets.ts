/** The sockets of the in-memory transport. memory.ts holds what lies between them. */

import type {
  BoundSocket,
  DialHandlers,
  DialSocket,
  Frames,
  PullHandlers,
  PushHandlers,
  PushSocket,
  RejectedPeer,
  RouterHandlers,
  RouterSocket,
} from './transport.ts';

/** Which side hears: the bound one (`in`) or those that dialled it (`out`). */
export type Direction = 'in' | 'out';

export type DialKind = 'dealer' | 'pull' | 'push';
export type BoundKind = 'router' | 'push' | 'pull';

/** What a socket asks of the network. */
export interface Wire {
  /** Lets one side of an address hear something, behind all that it was to hear before. */
  post(bound: Bound, direction: Direction, message: boolean, hear: () => void): void;
  /** Ends a connection behind what is under way; both sides hear of it. */
  part(link: Link): void;
  /** Ends a connection at once; what is under way is lost. */
  break(link: Link): void;
  /** Takes a socket out of the network; resolves at the next turn. */
  gone(socket: Bound | Dial): Promise<void>;
}

/** As a wire does: what becomes of the sender's memory is nothing to who receives, nor the other way round. */
function copied(frames: Frames): Frames {
  return frames.map((frame) => Buffer.from(frame));
}

/** One connection between a dialled and a bound socket. */
export class Link {
  /** Only an open connection takes messages; a parting one still delivers; a broken one does not. */
  state: 'open' | 'parting' | 'broken' = 'open';
  /** What the router calls it, once it has heard from it. */
  number: number | undefined;
  readonly dial: Dial;
  readonly bound: Bound;

  constructor(dial: Dial, bound: Bound) {
    this.dial = dial;
    this.bound = bound;
  }
}

export class Dial implements DialSocket {
  link: Link | undefined;
  readonly kind: DialKind;
  readonly address: string;
  readonly #wire: Wire;
  readonly #handlers: DialHandlers;
  #connected = false;
  #closing: Promise<void> | undefined;

  constructor(wire: Wire, kind: DialKind, address: string, handlers: DialHandlers) {
    this.#wire = wire;
    this.kind = kind;
    this.address = address;
    this.#handlers = handlers;
  }

  send(frames: Frames): void {
    const link = this.link;
    if (this.#closing || !link || !this.#connected || this.kind === 'pull' || frames.length === 0) return;
    const message = copied(frames);
    this.#wire.post(link.bound, 'in', true, () => link.state !== 'broken' && link.bound.hear(link, message));
  }

  close(lingerMs: number): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#closing = this.#wire.gone(this);
    if (this.link && lingerMs > 0) this.#wire.part(this.link);
    else if (this.link) this.#wire.break(this.link);
    return this.#closing;
  }

  hear(frames: Frames): void {
    if (!this.#closing) this.#handlers.message(frames);
  }

  up(): void {
    if (this.#connected || this.#closing) return;
    this.#connected = true;
    this.#handlers.connected();
  }

  down(): void {
    if (!this.#connected || this.#closing) return;
    this.#connected = false;
    this.#handlers.disconnected();
  }
}

export abstract class Bound implements BoundSocket {
  abstract readonly kind: BoundKind;
  readonly address: string;
  readonly links: Set<Link> = new Set();
  protected readonly wire: Wire;
  readonly #rejected: (what: RejectedPeer) => void;
  #closing: Promise<void> | undefined;

  constructor(wire: Wire, address: string, handlers: Pick<PullHandlers, 'rejected'>) {
    this.wire = wire;
    this.address = address;
    this.#rejected = (what) => handlers.rejected(what);
  }

  get closed(): boolean {
    return this.#closing !== undefined;
  }

  abstract joined(): void;
  abstract left(link: Link): void;
  abstract hear(link: Link, frames: Frames): void;

  rejected(what: RejectedPeer): void {
    if (!this.closed) this.#rejected(what);
  }

  close(lingerMs: number): Promise<void> {
    if (this.#closing) return this.#closing;
    this.#closing = this.wire.gone(this);
    for (const link of this.links) {
      if (lingerMs > 0) this.wire.part(link);
      else this.wire.break(link);
    }
    return this.#closing;
  }

  protected pass(link: Link, frames: Frames): void {
    if (this.closed || link.state !== 'open' || frames.length === 0) return;
    const message = copied(frames);
    this.wire.post(this, 'out', true, () => link.state !== 'broken' && link.dial.hear(message));
  }
}

export class Router extends Bound implements RouterSocket {
  readonly kind: BoundKind = 'router';
  readonly #handlers: RouterHandlers;
  readonly #byNumber = new Map<number, Link>();
  #last = 0;

  constructor(wire: Wire, address: string, handlers: RouterHandlers) {
    super(wire, address, handlers);
    this.#handlers = handlers;
  }

  send(connection: number, frames: Frames): void {
    const link = this.#byNumber.get(connection);
    if (link) this.pass(link, frames);
  }

  forget(connection: number): void {
    const link = this.#byNumber.get(connection);
    this.#byNumber.delete(connection);
    if (link) link.number = undefined;
  }

  joined(): void {}

  left(link: Link): void {
    const { number } = link;
    if (number === undefined) return;
    this.forget(number);
    if (!this.closed) this.#handlers.lost(number);
  }

  hear(link: Link, frames: Frames): void {
    if (this.closed) return;
    // As over ZeroMQ, where an empty message looks like the notice of a lost peer.
    if (frames.length === 1 && frames[0]?.length === 0) return this.left(link);
    if (link.number === undefined) {
      this.#last += 1;
      link.number = this.#last;
      this.#byNumber.set(link.number, link);
    }
    this.#handlers.message(link.number, frames);
  }
}

export class BoundPull extends Bound {
  readonly kind: BoundKind = 'pull';
  readonly #handlers: PullHandlers;

  constructor(wire: Wire, address: string, handlers: PullHandlers) {
    super(wire, address, handlers);
    this.#handlers = handlers;
  }

  joined(): void {}
  left(): void {}

  hear(_link: Link, frames: Frames): void {
    if (!this.closed) this.#handlers.message(frames);
  }
}

export class BoundPush extends Bound implements PushSocket {
  readonly kind: BoundKind = 'push';
  readonly #handlers: PushHandlers;
  #peers = 0;

  constructor(wire: Wire, address: string, handlers: PushHandlers) {
    super(wire, address, handlers);
    this.#handlers = handlers;
  }

  send(frames: Frames): void {
    const [next] = this.links;
    if (!next) return;
    // A set keeps the order of insertion: the one that was served goes to its end.
    this.links.delete(next);
    this.links.add(next);
    this.pass(next, frames);
  }

  joined(): void {
    this.#peers += 1;
    if (!this.closed) this.#handlers.peers(this.#peers, 0);
  }

  left(): void {
    this.#peers -= 1;
    if (this.closed) return;
    this.#handlers.peers(this.#peers, 0);
    this.#handlers.disconnected();
  }

  hear(): void {}
}
