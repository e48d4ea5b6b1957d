/**
 * A DEALER that dials the first of several masters that answers, the next when that one is gone, and goes back to an earlier one that
 * stands again. What transport/master_dial.ts is in production.
 */
import { Dialler, type Dialling, type Hearing, type Network } from './network.ts';
import type { Letter } from './payloads.ts';

/** How long a master may be gone before the next is tried, and how long one must stand before anybody goes back to it. */
const PATIENCE_MS = 1_000;

export class MasterDialler {
  readonly #network: Network;
  readonly #host: Dialling;
  readonly #addresses: readonly string[];
  #at = 0;
  #turn = 0;
  #waits = 0;
  #dialler: Dialler;
  #lookouts: Dialler[] = [];

  constructor(network: Network, host: Dialling, addresses: readonly string[]) {
    this.#network = network;
    this.#host = host;
    this.#addresses = addresses;
    this.#dialler = this.#dial();
  }

  send(letter: Letter): void {
    this.#dialler.send(letter);
  }

  close(): void {
    this.#waits += 1;
    this.#lookIn();
    this.#dialler.close();
  }

  #dial(): Dialler {
    const host = this.#host;
    const address = this.#addresses[this.#at] as string;
    this.#wait();
    if (this.#addresses.length === 1) return new Dialler(this.#network, host, 'dealer', address);
    const turn = this.#turn;
    const hears: Hearing = {
      connected: (plug) => {
        if (turn !== this.#turn) return;
        this.#waits += 1;
        this.#lookOut();
        host.connected(plug);
      },
      disconnected: (plug) => {
        if (turn !== this.#turn) return;
        this.#wait();
        this.#lookIn();
        host.disconnected(plug);
      },
      received: (plug, letter) => {
        if (turn === this.#turn) host.received(plug, letter);
      },
    };
    return new Dialler(this.#network, host, 'dealer', address, hears);
  }

  #wait(): void {
    if (this.#addresses.length === 1) return;
    this.#waits += 1;
    const waits = this.#waits;
    this.#host.later(PATIENCE_MS, () => {
      if (waits === this.#waits) this.#goTo((this.#at + 1) % this.#addresses.length);
    });
  }

  #goTo(at: number): void {
    this.#turn += 1;
    this.#at = at;
    this.#dialler.close();
    this.#dialler = this.#dial();
  }

  #lookOut(): void {
    this.#lookouts = this.#addresses.slice(0, this.#at).map((address, at) => {
      let stands = 0;
      const stood = (since: number): void => {
        if (since !== stands || !this.#lookouts.includes(lookout)) return;
        this.#lookIn();
        this.#host.disconnected('dealer');
        this.#goTo(at);
      };
      const lookout = new Dialler(this.#network, this.#host, 'dealer', address, {
        connected: () => {
          stands += 1;
          const since = stands;
          this.#host.later(PATIENCE_MS, () => stood(since));
        },
        disconnected: () => {
          stands += 1;
        },
        received: () => undefined,
      });
      return lookout;
    });
  }

  #lookIn(): void {
    for (const lookout of this.#lookouts) lookout.close();
    this.#lookouts = [];
  }
}
