/**
 * Payloads without bytes: a token says what the bytes would be, so that it can be seen whether the right ones arrive. And the stores
 * in which they wait, which see to it that each is released exactly once, and never used after.
 */
import type { Envelope, WireRecord } from '../protocol/messages.ts';
import type { Greeting } from '../protocol/greetings.ts';

/** What the bytes of a payload would be. */
export interface Token {
  /** job: what a client sent. part: what scatter made of it. merged, mapped: what gather made. value: of the cache. */
  readonly what: 'job' | 'part' | 'result' | 'merged' | 'mapped' | 'error' | 'value';
  /** The stream's public name (the key of a value), and where in it. */
  readonly stream: string;
  readonly job: number;
  readonly part: number;
  readonly index: number;
  /** The master's life in which a worker made it; empty: none did. */
  readonly epoch: string;
  readonly length: number;
  /** Of an error. */
  readonly code?: string;
}

/** Tells of bugs: says what is wrong, and does not return. */
export type Blame = (what: string) => never;

export class SymbolicStore {
  readonly #tokens = new Map<number, Token>();
  readonly #blame: Blame;
  #last = 0;
  #peak = 0;
  #bytes = 0;
  #peakBytes = 0;

  constructor(blame: Blame) {
    this.#blame = blame;
  }

  get count(): number {
    return this.#tokens.size;
  }

  /** The most that was here at a time: payloads, and their bytes. */
  get peak(): number {
    return this.#peak;
  }

  get peakBytes(): number {
    return this.#peakBytes;
  }

  put(token: Token): number {
    this.#last += 1;
    this.putOwn(this.#last, token);
    return this.#last;
  }

  /** Under a slot that a state machine numbered. */
  putOwn(slot: number, token: Token): void {
    if (this.#tokens.has(slot)) this.#blame(`slot ${slot} was used twice`);
    this.#tokens.set(slot, token);
    this.#bytes += token.length;
    if (this.#tokens.size > this.#peak) this.#peak = this.#tokens.size;
    if (this.#bytes > this.#peakBytes) this.#peakBytes = this.#bytes;
  }

  get(slot: number): Token {
    return this.#tokens.get(slot) ?? this.#blame(`slot ${slot} is used, but was released or never filled`);
  }

  release(slot: number): void {
    const token = this.#tokens.get(slot) ?? this.#blame(`slot ${slot} is released, but was released before or never filled`);
    this.#tokens.delete(slot);
    this.#bytes -= token.length;
  }

  /** What is here, for who wonders why. */
  list(): Token[] {
    return [...this.#tokens.values()];
  }
}

/** A batch on its way: records name slots of the sender, and the cargo says what was in them. */
export interface Parcel {
  readonly type: 'batch';
  readonly envelope: Envelope;
  readonly records: readonly WireRecord[];
  readonly cargo: readonly (readonly (Token | undefined)[])[];
}

export type Letter = Parcel | Greeting;

const NO_CARGO: readonly (Token | undefined)[] = [];

/** What `encodeBatch` is in production. */
export function pack(envelope: Envelope, records: readonly WireRecord[], store: SymbolicStore): Parcel {
  const cargo = records.map((record) => {
    switch (record.kind) {
      case 'jobs':
      case 'results':
      case 'parts':
      case 'outcomes':
        return record.slots.map((slot) => (slot < 0 ? undefined : store.get(slot)));
      case 'call':
      case 'reply':
        return record.slot < 0 ? NO_CARGO : [store.get(record.slot)];
      default:
        return NO_CARGO;
    }
  });
  return { type: 'batch', envelope, records, cargo };
}

/** What `decode` is in production: payloads are put into the store, and the records name their slots there. */
export function unpack(parcel: Parcel, store: SymbolicStore): { records: WireRecord[]; bytes: number } {
  let bytes = 0;
  const put = (token: Token | undefined): number => {
    if (token === undefined) return -1;
    bytes += token.length;
    return store.put(token);
  };
  const length = (token: Token | undefined): number => token?.length ?? 0;
  const records = parcel.records.map((record, i) => {
    const cargo = parcel.cargo[i] as readonly (Token | undefined)[];
    switch (record.kind) {
      case 'jobs':
      case 'results':
      case 'parts':
      case 'outcomes':
        return { ...record, slots: cargo.map(put), lengths: cargo.map(length) };
      case 'call':
      case 'reply':
        return { ...record, slot: put(cargo[0]), length: length(cargo[0]) };
      default:
        return record;
    }
  });
  return { records, bytes };
}

/** Batches that a sender keeps until they are acknowledged, by lane and number. (What protocol/kept.ts is, with no frames.) */
export class KeptParcels {
  readonly #lanes = new Map<string, Map<number, Parcel>>();
  #count = 0;
  #peak = 0;

  get count(): number {
    return this.#count;
  }

  get peak(): number {
    return this.#peak;
  }

  keep(lane: string, parcel: Parcel): void {
    let kept = this.#lanes.get(lane);
    if (kept === undefined) this.#lanes.set(lane, (kept = new Map()));
    kept.set(parcel.envelope.seq, parcel);
    this.#count += 1;
    if (this.#count > this.#peak) this.#peak = this.#count;
  }

  forget(lane: string, upTo: number): void {
    const kept = this.#lanes.get(lane);
    if (kept === undefined) return;
    for (const seq of kept.keys()) {
      if (seq > upTo) return;
      kept.delete(seq);
      this.#count -= 1;
    }
  }

  drop(lane: string): void {
    this.#count -= this.#lanes.get(lane)?.size ?? 0;
    this.#lanes.delete(lane);
  }

  forgetAll(): void {
    this.#lanes.clear();
    this.#count = 0;
  }

  /** In the order of their numbers. */
  from(lane: string, from: number): Parcel[] {
    this.forget(lane, from - 1);
    return [...(this.#lanes.get(lane)?.values() ?? [])];
  }
}
