/** The streams of a pool: those of a client, through a gate. */
import { Client } from '../client/client.ts';
import type { Item, JobStream, Settled, Source, StreamOptions } from '../streams/types.ts';
import type { Keeper } from './forwarder.ts';
import { Gate, GATE } from './gate.ts';

export class Streams {
  readonly #gate: Gate;
  readonly #client: Client;

  constructor(keeper: Keeper) {
    this.#gate = new Gate(keeper);
    this.#client = new Client({ address: GATE, transport: this.#gate.transport(), logger: false });
  }

  /** What Client.job takes. */
  job(args: readonly unknown[]): JobStream<Settled> {
    const [name, payloads, options] = args as [string, Source<Item>, StreamOptions & { settle: true }];
    return this.#client.job(name, payloads, options);
  }

  async close(): Promise<void> {
    await this.#client.close();
    await this.#gate.close();
  }
}
