/**
 * The transport within one process, for tests and for gates (pools/gate.ts). It keeps the laws of transport.ts and has no timers: whatever
 * is to be heard waits in one queue, in order, for the next turn of the event loop. So a run is repeatable, and tests can cut, block and
 * hold. A prompt network does not wait for the turn, only for what runs now.
 *
 * Any string is an address. `tcp://host:*` gets a port of the network's choice, `tcp://*:port` is reached by any host.
 */

import { parseAddress } from './addresses.ts';
import {
  type Bound,
  BoundPull,
  BoundPush,
  type BoundKind,
  Dial,
  type DialKind,
  type Direction,
  Link,
  Router,
  type Wire,
} from './memory_sockets.ts';
import type { Transport } from './transport.ts';

export type { Direction } from './memory_sockets.ts';

const PARTNER: Readonly<Record<DialKind, BoundKind>> = { dealer: 'router', pull: 'push', push: 'pull' };

/** What is held back: messages, news of connections (`lost`, `connected`, `disconnected`, `peers`), or both. */
export type Held = 'messages' | 'notices' | 'all';

interface Hearing {
  readonly lane: string;
  readonly message: boolean;
  readonly hear: () => void;
}

/** Processes that can reach each other. Networks share nothing. */
export class MemoryNetwork {
  readonly #bound = new Map<string, Bound>();
  readonly #dials = new Set<Dial>();
  readonly #blocked = new Set<string>();
  readonly #holds = new Map<string, { what: Held; waiting: Hearing[] }>();
  #queue: Hearing[] = [];
  #scheduled = false;
  #lastPort = 40_000;
  readonly #isPrompt: boolean;
  readonly #wire: Wire = {
    post: (bound, direction, message, hear) => this.#post(bound, direction, message, hear),
    part: (link) => this.#part(link),
    break: (link) => this.#break(link),
    gone: (socket) => this.#gone(socket),
  };

  constructor(options: { readonly prompt?: boolean } = {}) {
    this.#isPrompt = options.prompt === true;
  }

  transport(): Transport {
    return {
      name: 'memory',
      reportsLostPeers: true,
      bindRouter: async (address, handlers) => this.#bind(new Router(this.#wire, this.#name(address), handlers)),
      bindPull: async (address, handlers) => this.#bind(new BoundPull(this.#wire, this.#name(address), handlers)),
      bindPush: async (address, handlers) => this.#bind(new BoundPush(this.#wire, this.#name(address), handlers)),
      dialDealer: (address, handlers) => this.#dial(new Dial(this.#wire, 'dealer', address, handlers)),
      dialPull: (address, handlers) => this.#dial(new Dial(this.#wire, 'pull', address, handlers)),
      dialPush: (address, handlers) => this.#dial(new Dial(this.#wire, 'push', address, handlers)),
    };
  }

  /** Breaks the connections to an address, or all: what is under way is lost, both sides hear of it, and dial again. */
  cut(address?: string): void {
    for (const dial of this.#dials) if (dial.link && (address === undefined || dial.link.bound.address === address)) this.#break(dial.link);
  }

  /** Cuts an address off until `unblock`. */
  block(address: string): void {
    this.#blocked.add(address);
    this.cut(address);
  }

  unblock(address: string): void {
    this.#blocked.delete(address);
    for (const dial of this.#dials) this.#seek(dial);
  }

  /** Holds back what one side of a bound address would hear, in order, until `release`. */
  hold(address: string, direction: Direction, what: Held = 'all'): void {
    const lane = laneOf(address, direction);
    this.#holds.set(lane, { what, waiting: this.#holds.get(lane)?.waiting ?? [] });
  }

  /** Lets what was held be heard at the next turn. */
  release(address: string, direction: Direction): void {
    const lane = laneOf(address, direction);
    const held = this.#holds.get(lane);
    this.#holds.delete(lane);
    for (const hearing of held?.waiting ?? []) this.#enqueue(hearing);
  }

  /** How many messages and notices are held back there. */
  held(address: string, direction: Direction): number {
    return this.#holds.get(laneOf(address, direction))?.waiting.length ?? 0;
  }

  #seek(dial: Dial): void {
    this.#enqueue({ lane: '', message: false, hear: () => this.#connect(dial) });
  }

  #part(link: Link): void {
    if (link.state === 'open') link.state = 'parting';
    link.dial.link = undefined;
    link.bound.links.delete(link);
    this.#post(link.bound, 'in', false, () => link.bound.left(link));
    this.#post(link.bound, 'out', false, () => {
      link.dial.down();
      this.#seek(link.dial);
    });
  }

  #break(link: Link): void {
    link.state = 'broken';
    this.#part(link);
  }

  #gone(socket: Bound | Dial): Promise<void> {
    if (socket instanceof Dial) this.#dials.delete(socket);
    else this.#bound.delete(socket.address);
    return new Promise((resolve) => {
      this.#enqueue({ lane: '', message: false, hear: resolve });
    });
  }

  #post(bound: Bound, direction: Direction, message: boolean, hear: () => void): void {
    this.#enqueue({ lane: laneOf(bound.address, direction), message, hear });
  }

  #name(address: string): string {
    if (typeof address !== 'string') parseAddress(address);
    if (!/^tcp:\/\/.+:\*$/.test(address)) return address;
    this.#lastPort += 1;
    return address.replace(/\*$/, String(this.#lastPort));
  }

  #bind<S extends Bound>(socket: S): S {
    const { address } = socket;
    if (this.#bound.has(address)) {
      throw Object.assign(new Error(`cannot bind ${address}: the address is in use (EADDRINUSE)`), { code: 'EADDRINUSE' });
    }
    this.#bound.set(address, socket);
    for (const dial of this.#dials) this.#seek(dial);
    return socket;
  }

  #dial(dial: Dial): Dial {
    if (typeof dial.address !== 'string') parseAddress(dial.address);
    this.#dials.add(dial);
    this.#seek(dial);
    return dial;
  }

  #connect(dial: Dial): void {
    if (dial.link || !this.#dials.has(dial)) return;
    const bound = this.#bound.get(dial.address) ?? this.#bound.get(dial.address.replace(/^tcp:\/\/.*:/, 'tcp://*:'));
    if (!bound || this.#blocked.has(bound.address)) return;
    if (bound.kind !== PARTNER[dial.kind]) {
      this.#post(bound, 'in', false, () =>
        bound.rejected({ peer: dial.address, reason: `does not speak our protocol (a ${dial.kind} socket)` }),
      );
      return;
    }
    const link = new Link(dial, bound);
    dial.link = link;
    bound.links.add(link);
    this.#post(bound, 'in', false, () => bound.joined());
    this.#post(bound, 'out', false, () => dial.link === link && dial.up());
  }

  #enqueue(hearing: Hearing): void {
    this.#queue.push(hearing);
    if (this.#scheduled) return;
    this.#scheduled = true;
    if (this.#isPrompt) process.nextTick(this.#flush);
    else setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const queue = this.#queue;
    this.#queue = [];
    this.#scheduled = false;
    for (const hearing of queue) {
      const hold = this.#holds.get(hearing.lane);
      if (hold && (hold.what === 'all' || (hold.what === 'messages') === hearing.message)) hold.waiting.push(hearing);
      else hearOne(hearing);
    }
  };
}

function laneOf(address: string, direction: Direction): string {
  return `${direction} ${address}`;
}

/** A handler that throws is uncaught, as it is with any event emitter, and takes nothing else along. */
function hearOne(hearing: Hearing): void {
  try {
    hearing.hear();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}
