/** A DEALER that dials the first of several masters that answers, and the next when that one is gone. What transport/master_dial.ts is in production. */
import { Dialler, type Dialling, type Hearing, type Network } from './network.ts';
import type { Letter } from './payloads.ts';

/** How long a master may be gone before the next is tried. */
const PATIENCE_MS = 1_000;

export class MasterDialler {
  readonly #network: Network;
  readonly #host: Dialling;
  readonly #addresses: readonly string[];
  #turn = 0;
  #waits = 0;
  #dialler: Dialler;

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
    this.#dialler.close();
  }

  #dial(): Dialler {
    const host = this.#host;
    const address = this.#addresses[this.#turn % this.#addresses.length] as string;
    this.#wait();
    if (this.#addresses.length === 1) return new Dialler(this.#network, host, 'dealer', address);
    const turn = this.#turn;
    const hears: Hearing = {
      connected: (plug) => {
        if (turn !== this.#turn) return;
        this.#waits += 1;
        host.connected(plug);
      },
      disconnected: (plug) => {
        if (turn !== this.#turn) return;
        this.#wait();
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
      if (waits !== this.#waits) return;
      this.#turn += 1;
      this.#dialler.close();
      this.#dialler = this.#dial();
    });
  }
}
