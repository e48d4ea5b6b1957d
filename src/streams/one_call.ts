/** A call: a stream of one job that must have one result. */
import { JobError } from '../errors.ts';
import { WHERE_IT_WENT } from '../protocol/lost_bytes.ts';
import type { PayloadStore } from '../protocol/payloads.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import { isShown } from './columns.ts';
import type { DeliverInstruction, PulledEvent } from './events.ts';
import { jobError } from './failures.ts';
import type { Receiver } from './receiver.ts';

export type CallOutcome = { readonly value: Buffer } | { readonly error: unknown };

export class OneCall implements Receiver {
  readonly #store: PayloadStore;
  readonly #function: string;
  readonly #job: () => PulledEvent;
  readonly #settle: (outcome: CallOutcome) => void;
  #pulled = false;
  #settled = false;
  #results: Buffer[] = [];

  /**
   * @param job puts the payload into the store, and tells of the stream's only job
   * @param settle told once how the call ended
   */
  constructor(store: PayloadStore, name: string, job: () => PulledEvent, settle: (outcome: CallOutcome) => void) {
    this.#store = store;
    this.#function = name;
    this.#job = job;
    this.#settle = settle;
  }

  pull(): readonly PulledEvent[] {
    if (this.#pulled) return [];
    this.#pulled = true;
    return [this.#job()];
  }

  deliver(entries: DeliverInstruction): void {
    for (let row = 0; row < entries.jobs.length; row += 1) {
      const flags = entries.flags[row] as number;
      const slot = entries.slots[row] as number;
      const bytes = slot < 0 ? undefined : this.#store.joined(slot);
      if (slot >= 0) this.#store.release(slot);
      if (!isShown(flags)) continue;
      if ((flags & ENTRY.error) !== 0) this.fail(jobError(0, bytes, this.#function, undefined));
      else this.#results.push(bytes as Buffer);
    }
  }

  ended(): void {
    const [value] = this.#results;
    if (value !== undefined && this.#results.length === 1) return this.#end({ value });
    const seen = value === undefined ? 'none' : 'more';
    const text = `${this.#function}: call() is for functions that give one result, got ${seen}`;
    this.fail(new JobError('result-count', text, { function: this.#function, index: 0, attempts: 1 }));
  }

  /** Its source never fails. */
  failed(): void {}

  lost(): void {
    this.fail(new TypeError(`call: the payload: ${WHERE_IT_WENT}`));
  }

  fail(error: unknown): void {
    this.#end({ error });
  }

  #end(outcome: CallOutcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#settle(outcome);
  }
}
