/**
 * Sees what a consumer is given, and says at once when it is not what it should be: each result exactly once, the right one, in the
 * order that was asked for; each job's end once, when all of it has come.
 */
import { ENTRY } from '../protocol/stream_records.ts';
import { DROPPED, type Entry } from '../streams/columns.ts';
import type { DeliverInstruction } from '../streams/events.ts';
import type { Expectations } from './expectations.ts';
import type { SymbolicStore, Token } from './payloads.ts';
import type { KnownStream, Plans } from './plans.ts';

interface Seen {
  /** Results so far of each part; what gather made is counted under -1. */
  readonly counts: Map<number, number>;
  readonly failed: Set<number>;
  wholeFailed: boolean;
  readonly mapped: Set<string>;
  over: boolean;
}

export interface WitnessOptions {
  readonly plans: Plans;
  readonly stream: KnownStream;
  readonly store: SymbolicStore;
  readonly blame: (what: string) => never;
  readonly expectations: Expectations;
}

const ERROR = { notReplayable: 'not-replayable' } as const;

export class Witness {
  readonly #options: WitnessOptions;
  readonly #jobs = new Map<number, Seen>();
  #ends = 0;
  #lastJob = -1;
  #lastPart = 0;

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Jobs that have ended. */
  get ended(): number {
    return this.#ends;
  }

  deliver(entries: DeliverInstruction): void {
    // A stream that ends behind so many results may end within a job.
    const whole = this.#options.plans.workload.gather !== undefined && this.#options.stream.spec.messages === 0;
    for (let i = 0; i < entries.jobs.length; i += 1) {
      const entry: Entry = {
        job: entries.jobs[i] as number,
        part: entries.parts[i] as number,
        index: entries.indexes[i] as number,
        flags: entries.flags[i] as number,
        slot: entries.slots[i] as number,
        length: entries.lengths[i] as number,
      };
      this.#take(entry);
      const half = whole && (entry.flags & ENTRY.jobEnd) === 0 && entries.jobs[i + 1] !== entry.job;
      if (half) this.#blame(entry, 'a gathered job is delivered in halves');
    }
  }

  #blame(entry: { job: number; part: number; index: number }, what: string): never {
    return this.#options.blame(`stream ${this.#options.stream.id}, job ${entry.job}, part ${entry.part}, index ${entry.index}: ${what}`);
  }

  #take(entry: Entry): void {
    const { job, flags } = entry;
    let seen = this.#jobs.get(job);
    if (seen === undefined) {
      seen = { counts: new Map(), failed: new Set(), wholeFailed: false, mapped: new Set(), over: false };
      this.#jobs.set(job, seen);
    }
    if (seen.over) this.#blame(entry, `something came after the job's end (flags ${flags})`);
    if (this.#options.stream.spec.ordered) this.#inOrder(entry);
    if (entry.index === DROPPED) return this.#dropped(entry, seen);
    if ((flags & ENTRY.result) !== 0) this.#result(entry, seen);
    if ((flags & ENTRY.error) !== 0) this.#error(entry, seen);
    if ((flags & ENTRY.jobEnd) !== 0) this.#end(entry, seen);
  }

  #inOrder(entry: Entry): void {
    if ((entry.flags & (ENTRY.result | ENTRY.error)) === 0) return;
    const whole = (entry.flags & ENTRY.error) !== 0 && (entry.flags & ENTRY.partEnd) === 0;
    if (entry.job < this.#lastJob || (entry.job === this.#lastJob && entry.part < this.#lastPart && !whole))
      this.#blame(entry, `out of order, after job ${this.#lastJob} part ${this.#lastPart}`);
    this.#lastJob = entry.job;
    this.#lastPart = entry.part;
  }

  #result(entry: Entry, seen: Seen): void {
    const { plans, store, stream } = this.#options;
    const { gather } = plans.workload;
    const token = store.get(entry.slot);
    const count = seen.counts.get(entry.part) ?? 0;
    if (entry.index !== count) this.#blame(entry, `the result of index ${count} was due`);
    seen.counts.set(entry.part, count + 1);
    if (token.stream !== stream.id || token.job !== entry.job) this.#blame(entry, `it has the bytes of ${shown(token)}`);
    if (gather === undefined) {
      const right = token.what === 'result' && token.part === entry.part && token.index === entry.index;
      if (!right) this.#blame(entry, `it has the bytes of ${shown(token)}`);
    } else if (gather === 'merge') {
      if (token.what !== 'merged' || count > 0) this.#blame(entry, `it has the bytes of ${shown(token)}, its result ${count}`);
    } else {
      const which = `${token.part}:${token.index}`;
      if (token.what !== 'mapped' || seen.mapped.has(which)) this.#blame(entry, `it has the bytes of ${shown(token)} (again)`);
      seen.mapped.add(which);
    }
  }

  /** The user has cancelled it: nothing of it comes any more. */
  #dropped(entry: Entry, seen: Seen): void {
    const { plans, stream } = this.#options;
    if (plans.cancelsAfterMs(stream.id, stream.spec, entry.job) === Infinity)
      this.#blame(entry, 'its job ended as if the user had cancelled it');
    seen.over = true;
    this.#ends += 1;
  }

  #error(entry: Entry, seen: Seen): void {
    const { store, stream, expectations } = this.#options;
    const code = entry.slot < 0 ? ERROR.notReplayable : (store.get(entry.slot).code ?? '');
    const whole = (entry.flags & ENTRY.partEnd) === 0;
    if (whole ? seen.wholeFailed : seen.failed.has(entry.part)) this.#blame(entry, `it failed twice (${code})`);
    if (!expectations.mayFail(code, stream, entry.job)) this.#blame(entry, `it failed with ${code}, which nothing explains`);
    if (whole) seen.wholeFailed = true;
    else seen.failed.add(entry.part);
  }

  #end(entry: Entry, seen: Seen): void {
    const { plans, stream, expectations } = this.#options;
    seen.over = true;
    this.#ends += 1;
    if (seen.wholeFailed) return;
    const parts = plans.parts(stream.id, entry.job);
    const name = plans.functionOf(stream.spec, entry.job);
    let due = 0;
    for (let part = 0; part < parts; part += 1) {
      const { results } = plans.part(stream.id, entry.job, part, name);
      due += results;
      if (plans.workload.gather !== undefined || seen.failed.has(part)) continue;
      const came = seen.counts.get(part) ?? 0;
      const fault = expectations.mustFail(stream, entry.job, part);
      if (fault !== undefined) this.#blame(entry, `part ${part}: ${fault}`);
      if (came !== results) this.#blame(entry, `its job ended, but ${came} of ${results} results of part ${part} came`);
    }
    if (plans.workload.gather === undefined) return;
    const came = seen.counts.get(0) ?? 0;
    const expected = plans.workload.gather === 'merge' ? Math.min(1, due) : due;
    if (came !== expected) this.#blame(entry, `its job ended with ${came} results from gather, ${expected} were due`);
  }
}

function shown(token: Token): string {
  return `${token.what} ${token.stream}/${token.job}/${token.part}/${token.index}`;
}
