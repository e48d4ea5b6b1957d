/** A user with a stream: its source, and the loop that takes its results. What streams/source.ts and job_stream.ts are in production. */
import type { Fields } from '../protocol/fields.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import { isShown, isTaken } from '../streams/columns.ts';
import type { ConsumerEvent, DeliverInstruction, PulledEvent } from '../streams/events.ts';
import type { Kernel } from './kernel.ts';
import type { SymbolicStore } from './payloads.ts';
import type { Witness } from './witness.ts';
import type { KnownStream, Plans } from './plans.ts';

/** What a reader needs of the process that it is in. */
export interface ReaderPort {
  readonly kernel: Kernel;
  readonly store: SymbolicStore;
  feed(event: ConsumerEvent): void;
  later(ms: number, act: () => void): void;
  /** Once, right before the flush that ends this turn. */
  atFlush(gather: () => void): void;
}

/** So many results may come beyond the window, from attempts that were given up. */
const LATE = 8;

/** How a stream ended for its user. 'gone': its process, or the function that opened it, did. */
export type Outcome = 'ended' | 'left' | 'failed' | 'threw' | 'gone';

export interface ReaderOptions {
  readonly port: ReaderPort;
  readonly number: number;
  readonly stream: KnownStream;
  readonly parent: number;
  readonly plans: Plans;
  readonly witness: Witness;
  readonly over: (number: number, outcome: Outcome) => void;
}

export class Reader {
  readonly options: ReaderOptions;
  #state: 'running' | 'ending' | 'over' = 'running';
  #outcome: Outcome = 'ended';
  #jobs = 0;
  #bytes = 0;
  #given = 0;
  #givenBytes = 0;
  #sourceBusy = false;
  #sourceOver = false;
  #batches: { readonly entries: DeliverInstruction; row: number }[] = [];
  #taking = false;
  #taken = 0;
  #takenBytes = 0;
  #shown = 0;
  #untaken = 0;
  #largest = 1;

  constructor(options: ReaderOptions) {
    this.options = options;
  }

  begin(): void {
    const { port, number, stream, parent, plans } = this.options;
    const { ordered, messages, window, stopAfterMs = Infinity } = stream.spec;
    port.feed({ type: 'begin', stream: number, id: stream.id, ordered, parent, messages, fields: plans.fields(stream.spec), window });
    if (stopAfterMs < Infinity) port.later(stopAfterMs, () => this.stop('left'));
  }

  /** Jobs that the source has given. */
  get given(): number {
    return this.#given;
  }

  get untaken(): number {
    return this.#untaken;
  }

  pull(jobs: number, bytes: number): readonly PulledEvent[] {
    this.#jobs = jobs;
    this.#bytes = bytes;
    if (this.#sourceOver || this.#sourceBusy) return [];
    const { everyMs } = this.options.stream.spec;
    if (everyMs === 0) return this.#give(Infinity);
    this.#sourceBusy = true;
    this.options.port.later(everyMs, () => this.#arrived());
    return [];
  }

  #arrived(): void {
    this.#sourceBusy = false;
    if (this.#sourceOver) return;
    for (const event of this.#give(1)) this.options.port.feed(event);
    if (this.#wanted()) for (const event of this.pull(this.#jobs, this.#bytes)) this.options.port.feed(event);
  }

  #wanted(): boolean {
    return !this.#sourceOver && this.#given < this.#jobs && this.#givenBytes < this.#bytes;
  }

  #give(most: number): PulledEvent[] {
    const { port, number, stream, plans } = this.options;
    const { id, spec } = stream;
    const first = this.#given;
    const functions: string[] = [];
    const which: number[] = [];
    const slots: number[] = [];
    const lengths: number[] = [];
    const fields: Fields[] = [];
    let source: PulledEvent['source'] = 'open';
    while (source === 'open' && slots.length < most && this.#wanted()) {
      const job = this.#given;
      if (job >= spec.failsAfter) source = 'failed';
      else if (job >= spec.jobs) source = 'ended';
      else {
        const length = plans.jobBytes(id, spec, job);
        const name = plans.functionOf(spec, job);
        if (!functions.includes(name)) functions.push(name);
        which.push(functions.indexOf(name));
        slots.push(port.store.put({ what: 'job', stream: id, job, part: 0, index: 0, epoch: '', length }));
        lengths.push(length);
        fields.push(plans.jobFields(id, spec, job));
        this.#cancelLater(job);
        this.#given += 1;
        this.#givenBytes += length;
      }
    }
    if (source !== 'open') this.#sourceOver = true;
    if (slots.length === 0 && source === 'open') return [];
    return [
      {
        type: 'pulled',
        stream: number,
        first,
        functions,
        which: functions.length > 1 ? which : [],
        fields: fields.some((one) => one.length > 0) ? fields : [],
        slots,
        lengths,
        source,
      },
    ];
  }

  /** The user cancels one job, perhaps. */
  #cancelLater(job: number): void {
    const { port, number, stream, plans } = this.options;
    const ms = plans.cancelsAfterMs(stream.id, stream.spec, job);
    if (ms === Infinity) return;
    port.later(ms, () => {
      if (this.#state === 'running') port.feed({ type: 'dropped', stream: number, jobs: [job], shown: stream.spec.settle });
    });
  }

  deliver(entries: DeliverInstruction): void {
    const { witness, stream, port, plans } = this.options;
    if (this.#state === 'over') return this.drop(entries);
    witness.deliver(entries);
    for (const flags of entries.flags) {
      if ((flags & ENTRY.result) !== 0) this.#untaken += 1;
    }
    // One item passes an empty window whatever its size; with gather an item is a job.
    if (plans.workload.gather !== undefined) this.#largest = Math.max(this.#largest, entries.jobs.length);
    const bound = Math.min(stream.spec.window, stream.spec.messages === 0 ? Infinity : stream.spec.messages) + this.#largest;
    // What an attempt that was given up sends late has no credit any more.
    const late = port.kernel.chaotic ? LATE : 0;
    if (this.#untaken > bound + late)
      port.kernel.blame(`stream ${stream.id}: ${this.#untaken} results wait for the consumer, its window is ${bound}`);
    this.#batches.push({ entries, row: 0 });
    this.#serve();
  }

  /** The payloads of entries that nobody wants. */
  drop(entries: DeliverInstruction): void {
    for (const slot of entries.slots) if (slot >= 0) this.options.port.store.release(slot);
  }

  ended(early: boolean): void {
    if (this.#state !== 'running') return;
    this.#state = 'ending';
    if (early) this.#sourceOver = true;
    this.#serve();
  }

  failed(): void {
    if (this.#state !== 'running') return;
    this.#state = 'ending';
    this.#outcome = 'threw';
    this.#serve();
  }

  /** Nobody iterates it any more. */
  stop(outcome: Outcome): void {
    if (this.#state === 'over') return;
    const before = this.#state;
    this.#sourceOver = true;
    for (const { entries, row } of this.#batches) {
      for (const slot of entries.slots.slice(row)) if (slot >= 0) this.options.port.store.release(slot);
    }
    this.#batches = [];
    this.#close(outcome);
    if (before === 'running' && outcome !== 'gone') this.options.port.feed({ type: 'leave', stream: this.options.number });
  }

  #close(outcome: Outcome): void {
    this.#state = 'over';
    this.options.over(this.options.number, outcome);
  }

  /** The user's loop: takes what is there, now or one by one. */
  #serve(): void {
    const { takeMs } = this.options.stream.spec;
    if (this.#taking) return;
    if (takeMs === 0) {
      while (this.#takeOne());
      return;
    }
    this.#taking = true;
    this.options.port.later(takeMs, () => {
      this.#taking = false;
      if (this.#takeOne()) this.#serve();
    });
  }

  /** Returns whether there was something to take. */
  #takeOne(): boolean {
    if (this.#state === 'over') return false;
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const { entries, row } = batch;
      if (row >= entries.jobs.length) {
        this.#batches.shift();
        continue;
      }
      batch.row += 1;
      const flags = entries.flags[row] as number;
      if (!isShown(flags)) {
        if (isTaken(flags, entries.indexes[row] as number)) this.#sayTaken(0);
        continue;
      }
      this.#take(flags, entries.slots[row] as number, entries.lengths[row] as number);
      return true;
    }
    if (this.#state === 'ending') this.#close(this.#outcome);
    return false;
  }

  #take(flags: number, slot: number, length: number): void {
    const { port, stream } = this.options;
    const { settle, leaveAfter } = stream.spec;
    const failed = (flags & ENTRY.error) !== 0;
    if (slot >= 0) port.store.release(slot);
    if (!failed) this.#untaken -= 1;
    this.#shown += 1;
    this.#sayTaken(length);
    if (failed && !settle) this.stop('failed');
    else if (this.#shown >= leaveAfter) this.stop('left');
  }

  #sayTaken(length: number): void {
    const { port, number } = this.options;
    if (this.#taken === 0) {
      port.atFlush(() => {
        const event = { type: 'taken', stream: number, results: this.#taken, bytes: this.#takenBytes } as const;
        this.#taken = 0;
        this.#takenBytes = 0;
        if (this.#state === 'running') port.feed(event);
      });
    }
    this.#taken += 1;
    this.#takenBytes += length;
  }
}
