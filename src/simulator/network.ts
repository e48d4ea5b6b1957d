/**
 * Connections between processes, as ZeroMQ makes them. Each has two lanes, which keep their order; when it breaks, any suffix of what
 * was on its way is lost in each direction, and what the dialling side had not read yet may be lost as well. Each side hears of the
 * break in its own time, but not before it has read what came. A dialler makes the connection again.
 */
import { type Host, Inbox } from './host.ts';
import type { Kernel } from './kernel.ts';
import { Lane } from './lane.ts';
import type { Letter } from './payloads.ts';

/** What a socket is for: all with the master (DEALER to ROUTER), reports (PUSH to PULL), or parts (PULL from PUSH). */
export type Plug = 'dealer' | 'reports' | 'parts';

/** Heartbeats of ZMTP: a peer that was not heard for so long is gone. */
export const SILENCE_MS = 1_500;
const NOTICE_MS = 8;
const REDIAL_MS = 5;
const REDIAL_MAX_MS = 400;

/** The side that bound a socket. */
export interface Bound extends Host {
  /** The dialled address no longer answers. */
  readonly listening: boolean;
  linked(link: Link): void;
  received(link: Link, letter: Letter): void;
  /** It has read all that came over the link. */
  unlinked(link: Link): void;
  /** Its sockets have learned that the link is gone; what is sent from now on does not go there. */
  severed(link: Link): void;
}

/** Who is told what happens at a socket that dials. */
export interface Hearing {
  connected(plug: Plug): void;
  disconnected(plug: Plug): void;
  received(plug: Plug, letter: Letter): void;
}

/** The side that dials. */
export interface Dialling extends Host, Hearing {}

/** How a connection breaks. The times are how long each side takes to hear of it. */
export interface Break {
  readonly diallerMs: number;
  readonly boundMs: number;
  /** What of that which is on its way still arrives, from 0 to 1. */
  readonly upward: number;
  readonly downward: number;
  /** Whether what the dialling side has not read yet is lost in part, too. */
  readonly unread: number;
}

export class Link {
  readonly plug: Plug;
  readonly dialler: Dialler;
  readonly bound: Bound;
  readonly up: Lane;
  readonly down: Lane;
  /** The number that the bound socket gives the connection. */
  number: number;
  standing = true;

  constructor(kernel: Kernel, dialler: Dialler, bound: Bound, number: number) {
    this.plug = dialler.plug;
    this.dialler = dialler;
    this.bound = bound;
    this.number = number;
    this.up = new Lane(kernel, bound, new Inbox());
    this.down = new Lane(kernel, dialler.host, dialler.inbox);
  }

  sendUp(letter: Letter): void {
    this.up.send(() => this.bound.received(this, letter));
  }

  sendDown(letter: Letter): void {
    this.down.send(() => this.dialler.read(this, letter));
  }

  break({ diallerMs, boundMs, upward, downward, unread }: Break): void {
    if (!this.standing) return;
    this.standing = false;
    const { up, down, bound, dialler } = this;
    const flyingUp = Math.floor(upward * (up.size + 1));
    const flyingDown = Math.floor(downward * (down.size + 1));
    const read = Math.floor(unread * (down.unread + 1));
    up.cut(
      flyingUp,
      Infinity,
      boundMs,
      () => bound.severed(this),
      () => bound.unlinked(this),
    );
    down.cut(
      flyingDown,
      read,
      diallerMs,
      () => dialler.severed(this),
      () => dialler.down(this),
    );
  }
}

export class Network {
  readonly #kernel: Kernel;
  readonly #bound = new Map<string, Bound>();
  readonly #apart = new Map<Host, number>();
  readonly links: Set<Link> = new Set();
  #last = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  number(): number {
    this.#last += 1;
    return this.#last;
  }

  listen(address: string, bound: Bound): void {
    this.#bound.set(address, bound);
  }

  /** A dialler tries its address. */
  connect(dialler: Dialler): Link | undefined {
    const bound = this.#bound.get(dialler.address);
    if (bound === undefined || bound.gone || bound.frozen || !bound.listening || this.isApart(dialler.host) || this.isApart(bound))
      return undefined;
    const link = new Link(this.#kernel, dialler, bound, this.number());
    this.links.add(link);
    return link;
  }

  linksOf(host: Host): Link[] {
    for (const link of this.links) if (!link.standing) this.links.delete(link);
    return [...this.links].filter((link) => link.dialler.host === host || link.bound === host);
  }

  /** For so long nothing new connects to this host. */
  keepApart(host: Host, untilMs: number): void {
    this.#apart.set(host, Math.max(untilMs, this.#apart.get(host) ?? 0));
  }

  isApart(host: Host): boolean {
    return (this.#apart.get(host) ?? 0) > this.#kernel.nowMs;
  }

  /** The process of this host was killed: its kernel says so to the others, or (its machine is gone) nobody does. */
  killed(host: Host, silent: boolean): void {
    const { random } = this.#kernel;
    const noticeMs = silent ? random.between(SILENCE_MS, SILENCE_MS + 500) : random.between(0, NOTICE_MS);
    for (const link of this.linksOf(host)) {
      const arrives = { upward: link.bound === host ? 0 : random.next(), downward: link.bound === host ? random.next() : 0 };
      link.break({ diallerMs: noticeMs, boundMs: noticeMs, unread: link.bound === host ? random.next() : 0, ...arrives });
    }
  }
}

/** A socket that dials. It makes its connection again by itself, whether its process reads what happens or not. */
export class Dialler {
  readonly host: Dialling;
  readonly plug: Plug;
  readonly address: string;
  readonly inbox: Inbox = new Inbox();
  readonly #network: Network;
  /** The connection that the socket has, and that which its process knows of. */
  #link: Link | undefined;
  #known: Link | undefined;
  #closed = false;
  #pauseMs = REDIAL_MS;
  readonly #hears: Hearing;

  constructor(network: Network, host: Dialling, plug: Plug, address: string, hears: Hearing = host) {
    this.#network = network;
    this.host = host;
    this.#hears = hears;
    this.plug = plug;
    this.address = address;
    this.#dial();
  }

  send(letter: Letter): void {
    if (this.#known !== undefined && !this.#closed) this.#link?.sendUp(letter);
  }

  /** Sends what is queued, and lets go. */
  close(): void {
    this.#closed = true;
    this.#link?.break({ diallerMs: 0, boundMs: this.host.kernel.random.between(0, NOTICE_MS), upward: 1, downward: 0, unread: 0 });
  }

  read(link: Link, letter: Letter): void {
    if (this.#closed) return;
    this.#up(link);
    this.#hears.received(this.plug, letter);
  }

  /** The socket has lost its connection. */
  severed(link: Link): void {
    if (link !== this.#link) return;
    this.#link = undefined;
    this.#again();
  }

  /** The process hears that it has. */
  down(link: Link): void {
    if (this.#closed || link !== this.#known) return;
    this.#known = undefined;
    this.#hears.disconnected(this.plug);
  }

  #up(link: Link): void {
    if (link === this.#known) return;
    this.#known = link;
    this.#hears.connected(this.plug);
  }

  #again(): void {
    const { random } = this.host.kernel;
    this.host.kernel.after(this.#pauseMs * random.between(0.2, 1.2), () => this.#dial());
    this.#pauseMs = Math.min(REDIAL_MAX_MS, this.#pauseMs * 2);
  }

  #dial(): void {
    if (this.#closed || this.host.gone) return;
    const link = this.host.frozen ? undefined : this.#network.connect(this);
    if (link === undefined) return this.#again();
    this.#pauseMs = REDIAL_MS;
    this.#link = link;
    link.bound.linked(link);
    link.down.send(() => !this.#closed && this.#up(link));
  }
}
