/**
 * What a master must never do, seen from what it is told and what it says: give a part to two workers at once, give more to a worker than
 * it can have, give parts of a cancelled stream, deliver beyond credit or from another life, end a session before its time.
 */
import type { MasterEvent } from '../master/events.ts';
import type { MasterInstruction } from '../master/instructions.ts';
import type { WireRecord } from '../protocol/messages.ts';
import { MAX_CALLS } from '../protocol/call_records.ts';
import type { OutcomesRecord, PartsRecord } from '../protocol/part_records.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import { FunctionLaw } from './function_law.ts';
import type { Kernel } from './kernel.ts';
import type { SymbolicStore } from './payloads.ts';
import type { Plans } from './plans.ts';
import { RetryLaw } from './retry_law.ts';

const NOT_TAKEN: readonly string[] = ['a batch of no session', 'a report of no session'];
/** A worker's slots, and parts that may be ahead of them at most. */
const MAX_AHEAD = 512;
const PUSHED = -1;
/** Who misses so many heartbeats is suspect. */
const HEARTS = 3;

interface Granted {
  readonly id: string;
  results: number;
  delivered: number;
}

export interface MasterLawOptions {
  readonly kernel: Kernel;
  readonly name: string;
  readonly epoch: string;
  readonly store: SymbolicStore;
  readonly plans: Plans;
  readonly workerGraceMs: number;
  readonly clientGraceMs: number;
  /** Where it must listen for its peers' hearts; else 0. */
  readonly heartbeatMs: number;
  /** Gathered jobs are delivered whole, and errors need no credit: so many more may come than was granted. */
  readonly slack: number;
}

export class MasterLaw {
  readonly #options: MasterLawOptions;
  /** Who has a part: the session, or that it was pushed. */
  readonly #holders = new Map<number, number>();
  readonly #held = new Map<number, number>();
  /** Parts that were given resources: they are bound by these (tenancy.ts), not by slots. */
  readonly #own = new Set<number>();
  readonly #aborted = new Set<string>();
  readonly #slots = new Map<number, number>();
  readonly #lent = new Map<number, number>();
  readonly #granted = new Map<string, Granted>();
  /** Streams (by id) and jobs (id/index) that were cancelled. */
  readonly #cancelled = new Set<string>();
  readonly #retries: RetryLaw;
  /** Calls that are not answered. */
  readonly #calls = new Map<number, number>();
  readonly #functions: FunctionLaw;
  /** Since when a session is suspect; and who was given up, before it is told which session that was. */
  readonly #lostAtMs = new Map<number, number>();
  readonly #hearts = new Map<number, number>();
  #givenUp: { readonly name: string; readonly graceMs: number } | undefined;
  /** Where a session is connected, and how far its lanes were read. */
  readonly #connection = new Map<number, number>();
  readonly #read = new Map<string, number>();
  /** Then it waits for nobody for long. */
  #stopping = false;
  /** Workers that it has given up. */
  lostWorkers = 0;

  constructor(options: MasterLawOptions) {
    this.#options = options;
    this.#retries = new RetryLaw(options.kernel, options.plans);
    this.#functions = new FunctionLaw(options.kernel, options.epoch, options.workerGraceMs);
  }

  /** What the machine was told; of a batch that it did not take, nothing holds. */
  told(event: MasterEvent, instructions: readonly MasterInstruction[]): void {
    if (instructions.some((one) => one.type === 'reject' && NOT_TAKEN.includes(one.reason))) return;
    if (event.type === 'stop') this.#stopping = true;
    else if (event.type === 'hello') this.#functions.greeted(event.hello);
    else if (event.type === 'lost') {
      for (const [session, connection] of this.#connection) {
        if (connection !== event.connection) continue;
        this.#connection.set(session, -1);
        this.#lostAtMs.set(session, event.now);
      }
    } else if (event.type === 'report' || event.type === 'batch') {
      this.#beats(event.envelope.session, event.now);
      if (!this.#isTaken(event)) return;
      for (const record of event.records) this.#heard(event.envelope.session, record);
    }
  }

  /** Its heart is heard. After too long a silence it is suspect all the same, until it is welcomed again. */
  #beats(session: number, now: number): void {
    const silentAtMs = (this.#hearts.get(session) ?? now) + HEARTS * this.#options.heartbeatMs;
    if (this.#options.heartbeatMs > 0 && now > silentAtMs && !this.#lostAtMs.has(session)) this.#lostAtMs.set(session, silentAtMs);
    this.#hearts.set(session, now);
  }

  /** Whether the machine must take it: of a session that stands here, and the next of its lane. */
  #isTaken({ envelope, ...event }: Extract<MasterEvent, { type: 'report' | 'batch' }>): boolean {
    const connection = this.#connection.get(envelope.session);
    if (envelope.epoch !== this.#options.epoch || connection === undefined) return false;
    if (event.type === 'batch' && event.connection !== connection) return false;
    const lane = `${envelope.session}:${envelope.lane}`;
    const read = this.#read.get(lane) ?? 0;
    if (envelope.seq !== read + 1) return false;
    this.#read.set(lane, envelope.seq);
    return true;
  }

  /** A hello was answered. */
  answered(event: Extract<MasterEvent, { type: 'hello' }>, instruction: MasterInstruction): void {
    if (instruction.type !== 'post' || instruction.greeting.type !== 'welcome') return;
    const { session } = instruction.greeting;
    this.#connection.set(session, event.connection);
    this.#lostAtMs.delete(session);
    this.#hearts.set(session, event.now);
    this.#slots.set(session, event.hello.slots);
    this.#functions.welcomed(event.hello);
  }

  #heard(session: number, record: WireRecord): void {
    switch (record.kind) {
      case 'outcomes':
        return this.#outcomes(session, record);
      case 'returned':
        for (const key of record.keys) this.#letGo(session, key);
        return;
      case 'accepted':
        for (const key of record.keys) if (this.#holders.get(key) === PUSHED) this.#take(session, key);
        return;
      case 'lent':
        this.#lent.set(session, Math.max(this.#lent.get(session) ?? 0, record.count));
        return;
      case 'open':
        this.#cancelled.delete(record.id);
        this.#granted.set(`${session}:${record.stream}`, { id: record.id, results: record.results, delivered: 0 });
        return;
      case 'credit': {
        const granted = this.#granted.get(`${session}:${record.stream}`);
        if (granted !== undefined) granted.results = Math.max(granted.results, record.results);
        return;
      }
      case 'cancel': {
        const granted = this.#granted.get(`${session}:${record.stream}`);
        if (granted !== undefined) this.#cancelled.add(record.job < 0 ? granted.id : `${granted.id}/${record.job}`);
        return;
      }
      case 'call':
        return this.#called(session, 1);
      default:
    }
  }

  #outcomes(session: number, { keys, attempts, flags }: OutcomesRecord): void {
    keys.forEach((key, i) => {
      const flag = flags[i] as number;
      if ((flag & ENTRY.error) !== 0 && this.#holders.get(key) === session) this.#retries.failed(key, attempts[i] as number, session);
      if ((flag & ENTRY.partEnd) !== 0) this.#letGo(session, key);
    });
  }

  #called(session: number, more: number): void {
    const open = (this.#calls.get(session) ?? 0) + more;
    this.#calls.set(session, open);
    if (open > MAX_CALLS)
      this.#options.kernel.blame(`session ${session} has ${open} calls that are not answered, at most ${MAX_CALLS} are allowed`);
  }

  #letGo(session: number, key: number): void {
    if (this.#holders.get(key) !== session) return;
    this.#holders.delete(key);
    if (!this.#own.delete(key)) this.#held.set(session, (this.#held.get(session) ?? 1) - 1);
  }

  #take(session: number, key: number, own = false): void {
    this.#holders.set(key, session);
    if (own) this.#own.add(key);
    else this.#held.set(session, (this.#held.get(session) ?? 0) + 1);
  }

  /** The machine has answered, with all of this: batches of one flush go out in any order. */
  answers(instructions: readonly MasterInstruction[]): void {
    this.#aborted.clear();
    for (const instruction of instructions) {
      if (instruction.type !== 'send') continue;
      for (const record of instruction.records) {
        if (record.kind === 'abort') for (const key of record.keys) this.#aborted.add(`${instruction.session}:${key}`);
      }
    }
  }

  /** What the machine answered. */
  said(instruction: MasterInstruction): void {
    const { kernel } = this.#options;
    switch (instruction.type) {
      case 'send':
        for (const record of instruction.records) this.#sent(instruction.session, record);
        return;
      case 'push':
        for (const record of instruction.records) {
          if (record.kind !== 'parts') continue;
          this.#wanted(record);
          for (const key of record.keys) this.#holders.set(key, PUSHED);
        }
        return;
      case 'keep':
        return this.#functions.failed(instruction.error);
      case 'drop':
        return this.#dropped(instruction.session);
      case 'reject': {
        const { reason } = instruction;
        if (!NOT_TAKEN.includes(reason)) kernel.blame(`${this.#options.name} rejected: ${reason}`);
        return;
      }
      case 'news':
        if (instruction.name === 'workerLost' && instruction.what.reason === 'lost') {
          this.#givenUp = { name: instruction.what.name, graceMs: this.#options.workerGraceMs };
          this.lostWorkers += 1;
        }
        if (instruction.name === 'clientLeft' && instruction.what.reason === 'lost')
          this.#givenUp = {
            name: instruction.what.name,
            graceMs: this.#stopping ? this.#options.workerGraceMs : this.#options.clientGraceMs,
          };
        return;
      default:
    }
  }

  #dropped(session: number): void {
    const { kernel } = this.#options;
    for (const [key, holder] of this.#holders) if (holder === session) this.#holders.delete(key);
    this.#held.delete(session);
    this.#connection.delete(session);
    this.#calls.delete(session);
    if (this.#givenUp === undefined) return;
    const { name, graceMs } = this.#givenUp;
    this.#givenUp = undefined;
    const { heartbeatMs } = this.#options;
    const silentAtMs = heartbeatMs > 0 ? (this.#hearts.get(session) ?? 0) + HEARTS * heartbeatMs : Infinity;
    const awayMs = kernel.nowMs - (this.#lostAtMs.get(session) ?? silentAtMs);
    // A tenth of a microsecond is what sums of floating numbers may lose.
    if (!(awayMs >= graceMs - 0.0001))
      kernel.blame(`${this.#options.name} gave ${name} up ${awayMs.toFixed(1)} ms after it was gone; it has ${graceMs} ms to come back`);
  }

  #wanted({ id, keys, jobs, attempts }: PartsRecord): void {
    const { kernel, name } = this.#options;
    if (this.#cancelled.has(id)) kernel.blame(`${name} gives parts of stream ${id} away, which was cancelled`);
    jobs.forEach((job, i) => {
      if (this.#cancelled.has(`${id}/${job}`)) kernel.blame(`${name} gives parts of job ${id}/${job} away, which was cancelled`);
      this.#retries.given(keys[i] as number, attempts[i] as number, id, job, (by) => this.#aborted.has(`${by}:${keys[i]}`));
    });
  }

  #sent(session: number, record: WireRecord): void {
    if (record.kind === 'parts') this.#parts(session, record);
    else if (record.kind === 'reply') this.#called(session, -1);
    else if (record.kind === 'abort') for (const key of record.keys) this.#letGo(session, key);
    else if (record.kind === 'results') this.#results(session, record.stream, record.slots, record.flags);
  }

  #parts(session: number, record: PartsRecord): void {
    const { kernel, name } = this.#options;
    const { id, keys } = record;
    this.#wanted(record);
    for (const [i, key] of keys.entries()) {
      const holder = this.#holders.get(key);
      if (this.#aborted.has(`${session}:${key}`) && holder !== undefined && holder !== session) continue;
      if (holder !== undefined && holder !== PUSHED && !this.#aborted.has(`${holder}:${key}`))
        kernel.blame(`${name} gives part ${key} of ${id} to session ${session}, but session ${holder} has it`);
      this.#take(session, key, (record.allocations[i]?.length ?? 0) > 0);
    }
    const held = this.#held.get(session) ?? 0;
    const bound = (this.#slots.get(session) ?? 0) + (this.#lent.get(session) ?? 0) + MAX_AHEAD;
    if (held > bound) kernel.blame(`${name} gave ${held} parts to session ${session}, at most ${bound} are allowed`);
  }

  #results(session: number, stream: number, slots: readonly number[], flags: readonly number[]): void {
    const { kernel, name, store, epoch, slack } = this.#options;
    const granted = this.#granted.get(`${session}:${stream}`);
    if (granted === undefined) return kernel.blame(`${name} sends results of stream ${stream}, which session ${session} did not open`);
    for (let i = 0; i < slots.length; i += 1) {
      if (((flags[i] as number) & ENTRY.result) === 0) continue;
      granted.delivered += 1;
      const token = store.get(slots[i] as number);
      if (token.epoch !== epoch)
        kernel.blame(`${name} delivers a result of ${token.stream}/${token.job} that was made in another life of a master`);
    }
    if (granted.delivered > granted.results + slack)
      kernel.blame(`${name} delivered ${granted.delivered} results of ${granted.id}, it was granted ${granted.results}`);
  }
}
