/** The scatter and gather that a master's user wrote, with the payloads that they would make. What master/generators.ts runs. */
import type { MasterEvent } from '../master/events.ts';
import type { MasterInstruction } from '../master/instructions.ts';
import type { Kernel } from './kernel.ts';
import type { SymbolicStore, Token } from './payloads.ts';
import type { Plans } from './plans.ts';

type Instruction<T extends MasterInstruction['type']> = Extract<MasterInstruction, { type: T }>;

/** What a merging gather has gathered of one job. */
interface Merging {
  count: number;
  readonly seen: Set<string>;
}

export class UserCode {
  readonly #kernel: Kernel;
  readonly #plans: Plans;
  readonly #store: SymbolicStore;
  readonly #scattered = new Map<string, number>();
  readonly #merging = new Map<string, Merging>();

  constructor(kernel: Kernel, plans: Plans, store: SymbolicStore) {
    this.#kernel = kernel;
    this.#plans = plans;
    this.#store = store;
  }

  scatter({ stream, job, message, count }: Instruction<'scatter'>): MasterEvent {
    const about = `${stream}:${job}`;
    const { length } = this.#expect(message.slot, 'job', message.id, job);
    const parts = this.#plans.parts(message.id, job);
    const functions: string[] = [];
    const slots: number[] = [];
    const lengths: number[] = [];
    let part = this.#scattered.get(about) ?? 0;
    while (slots.length < count && part < parts) {
      functions.push(message.function);
      slots.push(this.#store.put({ what: 'part', stream: message.id, job, part, index: 0, epoch: '', length }));
      lengths.push(length);
      part += 1;
    }
    const ended = slots.length < count;
    if (ended) this.#scattered.delete(about);
    else this.#scattered.set(about, part);
    return { type: 'scattered', stream, job, functions, slots, lengths, ended, error: -1 };
  }

  stopScatter({ stream, job }: Instruction<'stopScatter'>): void {
    this.#scattered.delete(`${stream}:${job}`);
  }

  gather({ stream, job, message }: Instruction<'gather'>): MasterEvent {
    const token = this.#expect(message.slot, 'result', message.id, job);
    const about = `${stream}:${job}`;
    const none = { type: 'gathered', stream, job, slots: [], lengths: [], error: -1 } as const;
    if (this.#plans.workload.gather === 'map') {
      const slot = this.#store.put({ ...token, what: 'mapped' });
      return { ...none, slots: [slot], lengths: [token.length] };
    }
    let merging = this.#merging.get(about);
    if (merging === undefined) this.#merging.set(about, (merging = { count: 0, seen: new Set() }));
    const which = `${token.part}:${token.index}`;
    if (merging.seen.has(which)) this.#kernel.blame(`gather got result ${which} of job ${message.id}/${job} twice`);
    merging.seen.add(which);
    merging.count += 1;
    if (!message.last) return none;
    this.#merging.delete(about);
    const due = this.#due(message.id, job);
    if (merging.count !== due)
      this.#kernel.blame(`gather was told the last of job ${message.id}/${job} after ${merging.count} of ${due} results`);
    const merged: Token = { ...token, what: 'merged', part: 0, index: 0 };
    return { ...none, slots: [this.#store.put(merged)], lengths: [merged.length] };
  }

  /** How many results of a job gather is told, if none of its parts fails. */
  #due(id: string, job: number): number {
    const stream = this.#plans.stream(id);
    if (stream === undefined) return 0;
    const name = this.#plans.functionOf(stream.spec, job);
    let due = 0;
    for (let part = 0; part < this.#plans.parts(id, job); part += 1) due += this.#plans.part(id, job, part, name).results;
    return due;
  }

  #expect(slot: number, what: Token['what'], id: string, job: number): Token {
    const token = this.#store.get(slot);
    if (token.what !== what || token.stream !== id || token.job !== job)
      this.#kernel.blame(`user code was given ${token.what} ${token.stream}/${token.job} for ${what} ${id}/${job}`);
    return token;
  }
}
