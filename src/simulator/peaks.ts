/** The most of everything that was there at a time. */
import type { World } from './world.ts';

/** How often queues are looked at, in virtual time. */
const EVERY_MS = 50;

export class Peaks {
  readonly #world: World;
  readonly counts: Record<string, number> = {};
  #nextMs = 0;
  #frozenBusyMs: number | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** Time that functions held slots. */
  get busyMs(): number {
    return this.#frozenBusyMs ?? this.#busyMs();
  }

  #busyMs(): number {
    return this.#world.pastHosts.reduce((sum, host) => sum + host.executor.busyMs, 0);
  }

  look(): void {
    const { kernel } = this.#world;
    if (kernel.nowMs < this.#nextMs) return;
    this.#nextMs = kernel.nowMs + EVERY_MS;
    this.#look();
  }

  freeze(): void {
    this.#look();
    this.#frozenBusyMs = this.#busyMs();
  }

  #look(): void {
    const { masters, opened, pastMasters, pastHosts, clients } = this.#world;
    const living = masters.filter((master) => master !== undefined);
    for (const master of living) {
      if (master.gone) continue;
      const { queued, placed } = master.machine.status;
      this.#most('queued at the master', queued);
      this.#most('placed on workers', placed);
    }
    for (const { reader } of opened) this.#most('results not taken', reader.untaken);
    for (const one of [...pastMasters, ...living]) {
      this.#most('batches kept by the master', one.kept.peak);
      this.#most('payloads at the master', one.store.peak);
      this.#most('bytes at the master', one.store.peakBytes);
    }
    for (const one of pastHosts) {
      this.#most('batches kept by a worker', one.kept.peak);
      this.#most('payloads at a worker', one.store.peak);
    }
    for (const one of clients) {
      this.#most('batches kept by a client', one.kept.peak);
      this.#most('payloads at a client', one.store.peak);
    }
  }

  #most(name: string, count: number): void {
    if (count > (this.counts[name] ?? 0)) this.counts[name] = count;
  }
}
