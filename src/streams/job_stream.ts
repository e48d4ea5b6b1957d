/**
 * What the user iterates: results in the order in which the state machine delivers them. Payloads stay in the store until they are
 * asked for, so that what waits here costs columns of numbers and no more.
 */
import { inTime } from '../common/clock.ts';
import { WHERE_IT_WENT } from '../protocol/lost_bytes.ts';
import { attemptOf, ENTRY } from '../protocol/stream_records.ts';
import { DROPPED, isShown, isTaken } from './columns.ts';
import type { DeliverInstruction, DroppedEvent, PulledEvent } from './events.ts';
import { jobError } from './failures.ts';
import { Notes } from './notes.ts';
import type { Receiver } from './receiver.ts';
import { Pump } from './source.ts';
import type { StreamSettings } from './settings.ts';
import type { JobInfo, JobStream, Settled } from './types.ts';

type Step<T> = IteratorResult<T, undefined>;
interface Waiter<T> {
  readonly resolve: (step: Step<T> | Promise<Step<T>>) => void;
  readonly reject: (error: unknown) => void;
}

const DONE: Step<never> = { done: true, value: undefined };

export class ResultStream<T extends Buffer | Settled<unknown>> implements JobStream<T>, Receiver {
  readonly id: string;
  readonly #settings: StreamSettings;
  readonly #pump: Pump;
  /** `new → running → ending (delivered all, not all taken) → over`; or over at once. */
  #state: 'new' | 'running' | 'ending' | 'over' = 'new';
  #iterated = false;
  #waiters: Waiter<T>[] = [];
  #waiting = false;
  /** What was delivered and not taken: batches, and the next row of the first. */
  #batches: DeliverInstruction[] = [];
  #row = 0;
  /** What comes behind them: an error, or the end. */
  #last: { readonly error: unknown } | undefined;
  readonly #notes = new Notes((jobs) => this.#pump.drop(jobs));
  #taken = 0;
  #takenBytes = 0;
  #leaving: Promise<void> | undefined;
  readonly #aborted = (): void => this.fail((this.#settings.signal as AbortSignal).reason);
  readonly #scopeAborted = (): void => this.fail((this.#settings.scope.signal as AbortSignal).reason);

  constructor(settings: StreamSettings) {
    this.#settings = settings;
    this.id = settings.id;
    this.#pump = new Pump(settings, this.#notes);
  }

  [Symbol.asyncIterator](): this {
    if (this.#iterated) throw new TypeError('a stream of results can be iterated once');
    this.#iterated = true;
    return this;
  }

  next(): Promise<Step<T>> {
    if (this.#state === 'new') this.#begin();
    if (this.#waiters.length === 0) {
      try {
        const step = this.#take();
        if (step !== undefined) return Promise.resolve(step.done === true ? this.#done() : step);
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.#sayWaiting();
    });
  }

  async return(): Promise<Step<T>> {
    this.#stop(undefined);
    this.#serve();
    await this.#left();
    return DONE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  pull(jobs: number, bytes: number): readonly (PulledEvent | DroppedEvent)[] {
    return this.#pump.pull(jobs, bytes);
  }

  deliver(entries: DeliverInstruction): void {
    if (this.#state === 'over') {
      for (const slot of entries.slots) if (slot >= 0) this.#settings.port.store.release(slot);
      return;
    }
    this.#notes.heard(entries);
    this.#batches.push(entries);
    this.#serve();
  }

  ended(early: boolean): void {
    if (this.#state !== 'running') return;
    this.#state = 'ending';
    this.#notes.allEnded();
    if (early) this.#leave();
    this.#serve();
  }

  failed(): void {
    this.#endWith(this.#pump.error);
  }

  lost(job: number): void {
    if (this.#state !== 'running') return;
    this.#leave();
    this.#settings.port.feed({ type: 'leave', stream: this.#settings.number });
    this.#endWith(new TypeError(`job: item ${job}: ${WHERE_IT_WENT}`));
  }

  /** What has come is the user's; the error comes behind it. */
  #endWith(error: unknown): void {
    if (this.#state !== 'running') return;
    this.#state = 'ending';
    this.#notes.allEnded();
    this.#last = { error };
    this.#serve();
  }

  /** What has come and was not taken is dropped: who closes or aborts does not want it. */
  fail(error: unknown): void {
    if (this.#state === 'over') return;
    this.#stop({ error });
    this.#serve();
  }

  #begin(): void {
    const { scope, number, id, ordered, messages, fields, signal, begin } = this.#settings;
    this.#state = 'running';
    if (signal?.aborted === true) return this.#aborted();
    if (scope.signal?.aborted === true) return this.#scopeAborted();
    signal?.addEventListener('abort', this.#aborted, { once: true });
    scope.signal?.addEventListener('abort', this.#scopeAborted, { once: true });
    try {
      begin({ type: 'begin', stream: number, id, ordered, parent: scope.parent, messages, fields }, this);
    } catch (error) {
      this.#stop({ error });
    }
  }

  /** Serves those that wait, as far as there is something. */
  #serve(): void {
    while (this.#waiters.length > 0) {
      let step: Step<T> | undefined;
      try {
        step = this.#take();
      } catch (error) {
        this.#waiters.shift()?.reject(error);
        continue;
      }
      if (step === undefined) break;
      this.#waiters.shift()?.resolve(step.done === true ? this.#done() : step);
    }
    this.#sayWaiting();
  }

  /** The end. Who stopped at `messages` waits as after a `break`. */
  #done(): Step<T> | Promise<Step<T>> {
    return this.#leaving === undefined ? DONE : this.#left().then(() => DONE);
  }

  /** Waits for the source's return, and throws what that throws; but not for long for one that still waits for something of its own. */
  async #left(): Promise<void> {
    this.#settings.scope.waits?.(true);
    try {
      if (this.#leaving !== undefined && this.#pump.busy) await inTime(this.#leaving);
      if (!this.#pump.busy) await this.#leaving;
    } finally {
      this.#settings.scope.waits?.(false);
    }
  }

  #sayWaiting(): void {
    const waiting = this.#waiters.length > 0;
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    this.#settings.scope.waits?.(waiting);
  }

  /** The next thing that the user sees, or undefined: there is none yet. Throws what the stream failed with. */
  #take(): Step<T> | undefined {
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const row = this.#row;
      if (row >= batch.jobs.length) {
        this.#batches.shift();
        this.#row = 0;
        continue;
      }
      this.#row += 1;
      const flags = batch.flags[row] as number;
      if (isTaken(flags, batch.indexes[row] as number)) this.#sayTaken(batch.lengths[row] as number);
      const value = isShown(flags) ? this.#value(batch, row, flags) : undefined;
      if ((flags & ENTRY.jobEnd) !== 0) this.#notes.delete(batch.jobs[row] as number);
      if (value !== undefined) return { done: false, value: value as T };
    }
    if (this.#state === 'running' || this.#state === 'new') return undefined;
    this.#close();
    const last = this.#last;
    this.#last = undefined;
    if (last !== undefined) throw last.error;
    return DONE;
  }

  #value(batch: DeliverInstruction, row: number, flags: number): Buffer | Settled<unknown> {
    const { port, settle } = this.#settings;
    const slot = batch.slots[row] as number;
    const bytes = slot < 0 ? undefined : port.store.joined(slot);
    if (slot >= 0) port.store.release(slot);
    if ((flags & ENTRY.error) === 0) {
      const value = bytes as Buffer;
      return settle ? { status: 'fulfilled', value, job: this.#info(batch, row, attemptOf(flags)) } : value;
    }
    const job = batch.jobs[row] as number;
    const note = this.#notes.get(job);
    if (batch.indexes[row] === DROPPED)
      return { status: 'rejected', reason: note?.signal?.reason as unknown, job: this.#info(batch, row, 0) };
    const reason = jobError(job, bytes, note?.name ?? this.#settings.function ?? '', note?.key);
    if (settle) return { status: 'rejected', reason, job: this.#info(batch, row, reason.attempts) };
    this.#stop(undefined);
    throw reason;
  }

  #info(batch: DeliverInstruction, row: number, attempts: number): JobInfo {
    const [index, part] = [batch.jobs[row] as number, batch.parts[row] as number];
    const note = this.#notes.get(index);
    const name = note?.name ?? this.#settings.function ?? '';
    return { index, key: note?.key, part, result: Math.max(0, batch.indexes[row] as number), function: name, attempts };
  }

  /** What the user takes within a tick is told as one event. */
  #sayTaken(bytes: number): void {
    if (this.#taken === 0) {
      this.#settings.port.atFlush(() => {
        const event = { type: 'taken', stream: this.#settings.number, results: this.#taken, bytes: this.#takenBytes } as const;
        this.#taken = 0;
        this.#takenBytes = 0;
        if (this.#state === 'running') this.#settings.port.feed(event);
      });
    }
    this.#taken += 1;
    this.#takenBytes += bytes;
  }

  /** Over, now: what waits here is dropped. With an error, the first that waits (or asks next) gets it. */
  #stop(last: { readonly error: unknown } | undefined): void {
    const before = this.#state;
    if (before === 'over') return;
    if (before !== 'new') this.#leave();
    for (const batch of this.#batches) this.#drop(batch);
    this.#batches = [];
    this.#row = 0;
    this.#last = last;
    this.#close();
    if (before === 'running') this.#settings.port.feed({ type: 'leave', stream: this.#settings.number });
  }

  #drop(batch: DeliverInstruction): void {
    const from = batch === this.#batches[0] ? this.#row : 0;
    for (const slot of batch.slots.slice(from)) if (slot >= 0) this.#settings.port.store.release(slot);
  }

  /** Lets the source return. Only who leaves on purpose waits for it, and hears what it throws. */
  #leave(): void {
    this.#leaving ??= this.#pump.stop();
    this.#leaving.catch(() => undefined);
  }

  #close(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    const { signal, scope, over, number } = this.#settings;
    signal?.removeEventListener('abort', this.#aborted);
    scope.signal?.removeEventListener('abort', this.#scopeAborted);
    this.#notes.clear();
    over(number);
  }
}
