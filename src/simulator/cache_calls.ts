/**
 * Calls of a process to the master's cache, and a user who makes some. Each is answered once; what is read is what was written, unless
 * the process has come to another master since.
 */
import type { AnswerInstruction, ConsumerEvent } from '../streams/events.ts';
import type { Kernel } from './kernel.ts';
import type { SymbolicStore } from './payloads.ts';
import { Random } from './random.ts';
import type { CacheSpec } from './workload.ts';

export interface CachePort {
  readonly name: string;
  readonly kernel: Kernel;
  readonly store: SymbolicStore;
  feed(event: ConsumerEvent): void;
  later(ms: number, act: () => void): void;
}

/** What was found under a key: the number of a value; undefined: nothing. */
type Over = (found: number | undefined) => void;

export class CacheCalls {
  readonly #port: CachePort;
  readonly #open = new Map<number, { readonly key: string; readonly over: Over }>();
  #last = 0;

  constructor(port: CachePort) {
    this.#port = port;
  }

  set(key: string, number: number, length: number, over: Over): void {
    const token = { what: 'value', stream: key, job: 0, part: 0, index: number, epoch: '', length } as const;
    this.#ask('set', key, this.#port.store.put(token), length, over);
  }

  get(key: string, over: Over): void {
    this.#ask('get', key, -1, 0, over);
  }

  delete(key: string, over: Over): void {
    this.#ask('delete', key, -1, 0, over);
  }

  #ask(operation: 'set' | 'get' | 'delete', key: string, slot: number, length: number, over: Over): void {
    this.#last += 1;
    this.#open.set(this.#last, { key, over });
    this.#port.feed({ type: 'ask', id: this.#last, operation, key, slot, length });
  }

  answer({ id, outcome, text, slot }: AnswerInstruction): void {
    const { name, kernel, store } = this.#port;
    const call = this.#open.get(id);
    if (call === undefined) return kernel.blame(`${name}: call ${id} is answered, which nobody waits for`);
    if (outcome === 'refused') return kernel.blame(`${name}: call ${id} was refused: ${text}`);
    this.#open.delete(id);
    if (slot < 0) return call.over(undefined);
    const token = store.get(slot);
    store.release(slot);
    if (token.what !== 'value' || token.stream !== call.key)
      kernel.blame(`${name}: call ${id} for ${call.key} got ${token.what} ${token.stream}`);
    call.over(token.index);
  }
}

/** Sets, gets and deletes keys that are nobody else's; of each key one call at a time. */
export class CacheUser {
  readonly #calls: CacheCalls;
  readonly #port: CachePort;
  readonly #spec: CacheSpec;
  readonly #random: Random;
  /** To how many masters it came so far: another one knows nothing, or what was written long ago. */
  readonly #masters: () => number;
  #left: number;
  #open = 0;

  constructor(calls: CacheCalls, port: CachePort, spec: CacheSpec, masters: () => number) {
    this.#calls = calls;
    this.#port = port;
    this.#spec = spec;
    this.#masters = masters;
    this.#random = new Random(port.kernel.seed, `cache of ${port.name}`);
    this.#left = spec.calls;
  }

  get isDone(): boolean {
    return this.#left === 0 && this.#open === 0;
  }

  begin(): void {
    for (let i = 0; i < this.#spec.keys; i += 1) this.#use({ key: `${this.#port.name}:${i}`, last: 0, holds: undefined, since: 0 });
  }

  #use(one: Key): void {
    if (this.#left === 0) return;
    this.#left -= 1;
    this.#open += 1;
    const asked = this.#masters();
    const what = this.#random.pick(['set', 'set', 'get', 'get', 'delete'] as const);
    const after = (holds: number | undefined): void => {
      this.#open -= 1;
      one.holds = holds;
      one.since = asked;
      this.#port.later(this.#random.between(...this.#spec.everyMs), () => this.#use(one));
    };
    if (what === 'delete') return this.#calls.delete(one.key, () => after(undefined));
    if (what === 'get') return this.#calls.get(one.key, (found) => after(this.#judge(one, found)));
    one.last += 1;
    const number = one.last;
    this.#calls.set(one.key, number, this.#random.whole(...this.#spec.bytes), () => after(number));
  }

  #judge({ key, last, holds, since }: Key, found: number | undefined): number | undefined {
    const isSame = since === this.#masters();
    if (isSame ? found !== holds : (found ?? 0) > last)
      this.#port.kernel.blame(`${this.#port.name} reads ${found ?? 'nothing'} under ${key}, which holds ${holds ?? 'nothing'}`);
    return found;
  }
}

interface Key {
  readonly key: string;
  /** The number of the last value that was set. */
  last: number;
  holds: number | undefined;
  /** With which master it was so. */
  since: number;
}
