/**
 * Pulls a user's source: as far as the state machine asks, and no further. A sync source is pulled in one go, with the event loop let
 * in every few milliseconds; what an async one gives within a tick is told as one event.
 */
import { checkOptions, checkSignal, checkString, shown } from '../common/check.ts';
import { now } from '../common/clock.ts';
import { shared } from '../common/signals.ts';
import { bytesOf } from '../common/bytes_of.ts';
import { abandon } from '../common/untrusted.ts';
import { type Fields, fieldsBytes, NO_FIELDS } from '../protocol/fields.ts';
import type { DroppedEvent, PulledEvent } from './events.ts';
import { Packer, payloadLength } from '../protocol/packer.ts';
import { JOB_OPTIONS, readJobOptions } from './job_options.ts';
import type { Notes } from './notes.ts';
import type { ConsumerPort } from './port.ts';
import type { AnyItem, Source } from './types.ts';

/** After so long a sync source lets others run. */
const SLICE_MS = 5;
/** Jobs in one event, at most. */
const BATCH = 4_096;

export interface PumpOptions {
  readonly port: ConsumerPort;
  /** The stream's. */
  readonly number: number;
  readonly source: Source<AnyItem>;
  /** The function of items that name none. */
  readonly function: string | undefined;
  /** Whether the user sees what became of a job that was cancelled. */
  readonly settle: boolean;
}

export class Pump {
  readonly #options: PumpOptions;
  readonly #notes: Notes;
  readonly #packer = new Packer();
  #sync: Iterator<AnyItem> | undefined;
  #async: AsyncIterator<AnyItem> | undefined;
  #jobs = 0;
  #bytes = 0;
  #given = 0;
  #givenBytes = 0;
  #busy = false;
  /** Whether a sync source runs, and so whoever stops the stream does it from within. */
  #inNext = false;
  #telling = false;
  #endTold = false;
  #state: 'open' | 'ended' | 'failed' | 'stopped' = 'open';
  #returned: Promise<void> | undefined;
  #error: unknown;
  /** Columns of the next event. */
  #functions: string[] = [];
  #which: number[] = [];
  #fields: Fields[] = [];
  #dropped: number[] = [];

  /** @param notes what stays in this process of a job */
  constructor(options: PumpOptions, notes: Notes) {
    this.#options = options;
    this.#notes = notes;
  }

  /** What the source threw, or what was wrong with an item. */
  get error(): unknown {
    return this.#error;
  }

  /** Whether an async source is being waited for: then its `return()` waits as well. */
  get busy(): boolean {
    return this.#busy && this.#async !== undefined;
  }

  /** Pulls until so many jobs, or bytes, have been given in all. */
  pull(jobs: number, bytes: number): (PulledEvent | DroppedEvent)[] {
    this.#jobs = jobs;
    this.#bytes = bytes;
    if (this.#state !== 'open' || this.#busy) return [];
    if (this.#sync === undefined && this.#async === undefined && !this.#open()) return this.#events();
    if (this.#sync !== undefined) return this.#pullSync(this.#sync);
    void this.#pullAsync(this.#async as AsyncIterator<AnyItem>);
    return [];
  }

  /** These jobs were cancelled: that is told behind the jobs themselves. */
  drop(jobs: readonly number[]): void {
    for (const job of jobs) this.#dropped.push(job);
    this.#tellSoon();
  }

  /** Nothing more is wanted. Resolves when the source has returned; rejects with what it throws at that. */
  stop(): Promise<void> {
    if (this.#state === 'open') {
      this.#state = 'stopped';
      this.#packer.take(this.#options.port.store).slots.forEach((slot) => this.#options.port.store.release(slot));
      this.#returned ??= this.#return();
    }
    return this.#returned ?? Promise.resolve();
  }

  async #return(): Promise<void> {
    // By then it is no longer in the midst of what it gives next.
    if (this.#inNext) await Promise.resolve();
    if (this.#sync !== undefined) this.#sync.return?.();
    else await this.#async?.return?.();
  }

  #open(): boolean {
    try {
      const { source } = this.#options;
      if (Symbol.asyncIterator in source) this.#async = iterator(source[Symbol.asyncIterator]());
      else this.#sync = iterator(source[Symbol.iterator]());
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #wanted(): boolean {
    return this.#state === 'open' && this.#given < this.#jobs && this.#givenBytes < this.#bytes;
  }

  #pullSync(source: Iterator<AnyItem>): (PulledEvent | DroppedEvent)[] {
    const events: (PulledEvent | DroppedEvent)[] = [];
    const until = now() + SLICE_MS;
    this.#busy = true;
    while (this.#wanted()) {
      try {
        this.#inNext = true;
        const result = source.next();
        this.#inNext = false;
        this.#accept(result);
      } catch (error) {
        this.#inNext = false;
        this.#fail(error);
      }
      if (this.#packer.count >= BATCH) events.push(...this.#events());
      if (now() < until || !this.#wanted()) continue;
      setImmediate(() => {
        this.#busy = false;
        for (const event of this.pull(this.#jobs, this.#bytes)) this.#options.port.feed(event);
      });
      return [...events, ...this.#events()];
    }
    this.#busy = false;
    return [...events, ...this.#events()];
  }

  async #pullAsync(source: AsyncIterator<AnyItem>): Promise<void> {
    this.#busy = true;
    while (this.#wanted()) {
      try {
        this.#accept(await source.next());
      } catch (error) {
        this.#fail(error);
      }
      if (this.#packer.count >= BATCH) this.#tell();
      else this.#tellSoon();
    }
    this.#busy = false;
  }

  /** Takes what the source gave. An item that is none is as if the source had thrown, but it is told to return. */
  #accept(result: IteratorResult<AnyItem, unknown>): void {
    if (this.#state !== 'open') return;
    if (result === null || typeof result !== 'object')
      throw new TypeError(`job: expected next() of the payloads' iterator to give { done, value }, got ${shown(result)}`);
    if (result.done === true) {
      this.#state = 'ended';
      return;
    }
    let item: unknown;
    try {
      item = result.value;
      this.#take(item);
    } catch (error) {
      this.#fail(error);
      this.#returned = this.#return();
      this.#returned.catch(() => undefined);
      abandon(item);
    }
  }

  #fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
  }

  #take(item: unknown): void {
    const { port } = this.#options;
    const given = payloadOf(item);
    const about = given === undefined ? readItem(item, this.#given) : undefined;
    const payload = given ?? (about as Read).payload;
    const name = about?.function ?? this.#options.function;
    if (name === undefined) throw new TypeError(`job: item ${this.#given} names no function, and there is no default`);
    const length = payloadLength(payload);
    const max = port.maxMessageBytes();
    if (length > max) throw new RangeError(`job: item ${this.#given} has ${length} bytes, over maxMessageBytes (${max})`);
    const fields = about?.fields ?? NO_FIELDS;
    const count = this.#packer.count;
    this.#packer.add(payload, length);
    this.#column(count, name, fields);
    if (about !== undefined && (about.key !== undefined || about.signal !== undefined || name !== this.#options.function))
      this.#notes.add(this.#given, { key: about.key, name, signal: about.signal });
    this.#given += 1;
    this.#givenBytes += length + fieldsBytes(fields);
  }

  #column(count: number, name: string, fields: Fields): void {
    let at = this.#functions.lastIndexOf(name);
    if (at < 0) at = this.#functions.push(name) - 1;
    if (at > 0 || this.#which.length > 0) {
      while (this.#which.length < count) this.#which.push(0);
      this.#which.push(at);
    }
    if (fields.length === 0 && this.#fields.length === 0) return;
    while (this.#fields.length < count) this.#fields.push(NO_FIELDS);
    this.#fields.push(fields);
  }

  #tellSoon(): void {
    if (this.#telling) return;
    this.#telling = true;
    this.#options.port.atFlush(() => {
      this.#telling = false;
      this.#tell();
    });
  }

  #tell(): void {
    for (const event of this.#events()) this.#options.port.feed(event);
  }

  /** What has gathered, if it is anything. */
  #events(): (PulledEvent | DroppedEvent)[] {
    const { number: stream, settle } = this.#options;
    const jobs = this.#dropped;
    if (this.#state === 'stopped' || jobs.length === 0) return this.#pulled();
    this.#dropped = [];
    return [...this.#pulled(), { type: 'dropped', stream, jobs, shown: settle }];
  }

  /** The jobs that were given, as an event. The source's end is told once. */
  #pulled(): PulledEvent[] {
    const { port, number: stream } = this.#options;
    if (this.#endTold || this.#state === 'stopped' || (this.#packer.count === 0 && this.#state === 'open')) return [];
    this.#endTold = this.#state !== 'open';
    const first = this.#given - this.#packer.count;
    const { slots, lengths } = this.#packer.take(port.store);
    const [functions, which, fields] = [this.#functions, this.#which, this.#fields];
    this.#functions = [];
    this.#which = [];
    this.#fields = [];
    return [{ type: 'pulled', stream, first, functions, which, fields, slots, lengths, source: this.#state }];
  }
}

function iterator<T>(made: T): T {
  if (made !== null && typeof made === 'object' && 'next' in made && typeof made.next === 'function') return made;
  throw new TypeError(`job: expected the payloads' iterator to have a next(), got ${shown(made)}`);
}

interface Read {
  readonly payload: Uint8Array | string;
  readonly function: string | undefined;
  readonly key: unknown;
  readonly signal: AbortSignal | undefined;
  readonly fields: Fields;
}

function payloadOf(value: unknown): Uint8Array | string | undefined {
  return typeof value === 'string' ? value : bytesOf(value);
}

function readItem(item: unknown, index: number): Read {
  const what = `job: item ${index}`;
  if (item === null || typeof item !== 'object' || !('payload' in item))
    throw new TypeError(`${what}: expected a Uint8Array, a string or { payload, … }, got ${shown(item)}`);
  const { payload: given } = item;
  const payload = payloadOf(given);
  if (payload === undefined) {
    abandon(given);
    throw new TypeError(`${what}: payload: expected a Uint8Array or a string, got ${shown(given)}`);
  }
  const { function: name, key, signal }: { payload: unknown; function?: unknown; key?: unknown; signal?: unknown } = item;
  checkOptions(what, item, ['payload', 'function', 'key', 'signal', ...JOB_OPTIONS]);
  return {
    payload,
    function: name === undefined ? undefined : checkString(`${what}: function`, name),
    key,
    signal: shared(checkSignal(`${what}: signal`, signal)),
    fields: readJobOptions(what, item),
  };
}
