/**
 * The parts of a worker and its lanes: what is queued, what runs, what waits, and what is reported of it. Pure.
 *
 * Invariants: no more parts hold a lane than there are lanes, but for functions that come back from a call of their own, and those
 * that nobody wants any more; no part reports more than its credit; every part that came is given back, or its end is reported, once,
 * unless its session is gone.
 */
import type { Drafts } from '../protocol/drafts.ts';
import { codeOf, type GrantRecord, type PartsRecord } from '../protocol/part_records.ts';
import { ENTRY } from '../protocol/stream_records.ts';
import type { LostEvent, RanEvent } from './events.ts';
import type { WorkerInstruction } from './instructions.ts';
import { MOVE, PART, Parts } from './parts.ts';
import { Remembered } from './remembered.ts';
import { Reports } from './reports.ts';
import { Turns } from './turns.ts';

export interface WorkloadOptions {
  readonly slots: number;
  /** Parts without credit that may lend their lanes at a time. */
  readonly maxParked: number;
  readonly drafts: Drafts;
}

export class Workload {
  readonly #options: WorkloadOptions;
  readonly #parts = new Parts();
  readonly #reports: Reports;
  #offered: readonly number[] = [];
  /** Parts that may go on: some hold a lane, the ready ones want one. */
  #goOn: number[] = [];
  #paused = false;
  readonly #turns = new Turns();
  readonly #remembered = new Remembered();

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#reports = new Reports(options.drafts, this.#parts);
  }

  /** Parts that have not ended. */
  get open(): number {
    return this.#parts.open;
  }

  /** Parts came. `pushed`: over PUSH, which the master is told. `leaving`: they go back at once. */
  take(record: PartsRecord, pushed: boolean, leaving: boolean, out: WorkerInstruction[]): void {
    const parts = this.#parts;
    if (pushed) this.#reports.pushed(record);
    const [back, again]: [number[], number[]] = [[], []];
    for (let row = 0; row < record.keys.length; row += 1) {
      const key = record.keys[row] as number;
      const here = parts.wantedBy(key);
      if (here < 0 && !leaving && !(pushed && this.#remembered.has(key))) {
        parts.add(record, row, pushed);
        continue;
      }
      this.#reports.spend(record.slots[row] as number);
      if (here >= 0) again.push(row);
      else if (leaving) back.push(row);
    }
    // When all are here: this may have to accept them first, once.
    for (const row of again) this.#again(record, row, out);
    this.#reports.turnedAway(record, back, pushed);
  }

  /**
   * A part that is here came again, as a newer attempt: it goes on as that, with the credit of that one, since the master has taken
   * back what the earlier one had; and asks anew for what it waits for.
   */
  #again(record: PartsRecord, row: number, out: WorkerInstruction[]): void {
    const parts = this.#parts;
    const local = parts.find(record.keys[row] as number);
    parts.attempt[local] = Math.max(parts.attempt[local] as number, record.attempts[row] as number);
    const results = (record.grants[row] as number) - (parts.grants[local] as number);
    const bytes = (record.bytes[row] as number) - (parts.bytes[local] as number);
    this.grant({ kind: 'grant', keys: [record.keys[row] as number], results: [results], bytes: [bytes] }, out);
  }

  /** Gives back those that are not begun. The answer names them, even if there are none. */
  revoke(keys: readonly number[]): void {
    const locals = keys.map((key) => this.#parts.find(key)).filter((local) => local >= 0 && this.#parts.state[local] === PART.queued);
    this.#giveUp(locals, 'returned');
  }

  returnQueued(how: 'returned' | 'untold' = 'returned'): void {
    const locals = [...this.#parts.locals()].filter((local) => this.#parts.state[local] === PART.queued);
    if (locals.length > 0) this.#giveUp(locals, how);
  }

  #giveUp(locals: readonly number[], how: 'returned' | 'unwanted' | 'untold'): void {
    if (how !== 'untold') this.#reports.accept();
    const keys = locals.map((local) => this.#parts.key[local] as number);
    const attempts = locals.map((local) => this.#parts.attempt[local] as number);
    for (const local of locals) this.#reports.spend(this.#parts.slot[local] as number);
    this.#parts.leave(locals);
    if (how !== 'untold') this.#reports[how](keys, attempts);
  }

  /** Nobody wants these. Each goes back: at once if it is not begun or over, else when its function has ended. It may run elsewhere. */
  abort(keys: readonly number[], out: WorkerInstruction[]): void {
    const [queued, begun, gone]: [number[], number[], number[]] = [[], [], []];
    for (const key of keys) {
      const local = this.#parts.find(key);
      if (local < 0) gone.push(key);
      else if (this.#parts.state[local] === PART.queued) queued.push(local);
      else begun.push(local);
    }
    if (gone.length > 0) this.#reports.unwanted(gone);
    if (queued.length > 0) this.#giveUp(queued, 'unwanted');
    this.#stop(begun, 'nobody waits for this job any more', out);
  }

  /** A result of a part went by an error: it may come again (it may be here already), and nobody waits for what else its function gives. */
  lost({ key, attempt, untold }: LostEvent, out: WorkerInstruction[]): void {
    this.#remembered.forget(key);
    if (untold) this.#reports.returned([key], [attempt]);
    else if (this.#parts.isBegun(this.#parts.find(key))) this.abort([key], out);
  }

  #stop(begun: readonly number[], reason: string, out: WorkerInstruction[]): void {
    const locals = begun.filter((local) => this.#parts.state[local] !== PART.aborting);
    for (const local of locals) this.#parts.move(local, MOVE.abort);
    if (locals.length > 0) out.push({ type: 'abort', locals, reason });
  }

  /** All that is begun is told to stop; what is not goes back. */
  stopAll(reason: string, out: WorkerInstruction[]): void {
    this.returnQueued();
    this.#stop([...this.#parts.locals()], reason, out);
  }

  /** The session is gone, and nobody will ask for its parts. What runs is told to stop; its lane is free when it has. */
  forgetAll(out: WorkerInstruction[]): void {
    this.returnQueued('untold');
    const begun = [...this.#parts.locals()];
    this.#stop(begun, 'the master that gave this job is gone', out);
    for (const local of begun) this.#parts.silence(local);
    this.#goOn = [];
    this.#reports.reset();
    this.#remembered.clear();
  }

  grant(record: GrantRecord, out: WorkerInstruction[]): void {
    const parts = this.#parts;
    const begun: { locals: number[]; results: number[]; bytes: number[] } = { locals: [], results: [], bytes: [] };
    const short: number[] = [];
    for (const [at, key] of record.keys.entries()) {
      const local = parts.find(key);
      if (local < 0) continue;
      const results = record.results[at] as number;
      const bytes = record.bytes[at] as number;
      parts.grants[local] = (parts.grants[local] as number) + results;
      parts.bytes[local] = (parts.bytes[local] as number) + bytes;
      const state = parts.state[local];
      if (state === PART.queued || state === PART.aborting) continue;
      begun.locals.push(local);
      begun.results.push(results);
      begun.bytes.push(bytes);
      if (state !== PART.waiting && state !== PART.parked) continue;
      if (!parts.affordable(local)) short.push(local);
      else if (parts.over[local] !== true) {
        // A result that waits is reported without a lane; only a function that is to go on needs one.
        parts.move(local, state === PART.waiting ? MOVE.go : MOVE.ready);
        this.#goOn.push(local);
      }
    }
    if (begun.locals.length > 0) out.push({ type: 'grant', ...begun });
    this.#reports.hungry(short);
  }

  /** Lets parts go on and, if new ones may begin, offers those for which a lane is free. */
  turn(mayBegin: boolean, out: WorkerInstruction[]): void {
    this.#turns.begin();
    const parts = this.#parts;
    const ready: number[] = [];
    // Were all lanes held by parts that wait, those that they wait for might never have one.
    const stuck = parts.count(PART.queued) > 0 && parts.count(PART.waiting) >= this.#options.slots ? 1 : 0;
    const short = Math.max(stuck, parts.count(PART.ready) - (this.#options.slots - parts.held));
    if (parts.count(PART.waiting) > 0 && (short > 0 || parts.count(PART.queued) > 0)) parts.makeWay(short);
    let free = this.#options.slots - parts.held;
    const waiting: number[] = [];
    for (const local of this.#goOn) {
      const state = parts.state[local];
      if (state === PART.running) ready.push(local);
      else if (state === PART.ready && (free > 0 || parts.own[local] === true)) {
        parts.move(local, MOVE.go);
        ready.push(local);
        if (parts.own[local] !== true) free -= 1;
      } else if (state === PART.ready) waiting.push(local);
    }
    this.#goOn = waiting;
    const own = mayBegin ? parts.offer(this.#turns.offer, true) : [];
    const others = mayBegin && free > 0 ? parts.offer(this.#turns.offer, false) : [];
    const locals = own.length === 0 ? others : own.concat(others);
    if (ready.length === 0 && locals.length === 0 && !this.#paused) return;
    this.#paused = false;
    this.#offered = locals;
    out.push(parts.run(ready, Math.max(0, free), own.length, locals));
  }

  ran(event: RanEvent): void {
    const parts = this.#parts;
    const offered = this.#offered;
    this.#offered = [];
    this.#turns.end(offered.length, event.begun, event.blockedMs);
    if (event.begun > offered.length) throw new Error(`assertion: ${event.begun} parts begun, ${offered.length} offered`);
    for (let i = 0; i < event.begun; i += 1) parts.move(offered[i] as number, MOVE.begin);
    parts.giveBack(offered, event.begun);
    const aborted: { keys: number[]; attempts: number[] } = { keys: [], attempts: [] };
    for (let i = 0; i < event.locals.length; i += 1) {
      const local = event.locals[i] as number;
      if (parts.state[local] === PART.aborting) this.#aborted(local, event.slots[i] as number, aborted);
      else this.#entry(event, i);
    }
    if (aborted.keys.length > 0) this.#reports.unwanted(aborted.keys, aborted.attempts);
    this.#reports.busy(event.busyMicros);
    // It always lends its lane while it waits for a call of its own: what it waits for may need one. Then nothing can keep it from going on.
    for (const local of event.lends) if (parts.state[local] === PART.running) parts.move(local, MOVE.lend);
    for (const local of event.goesOn) if (parts.state[local] === PART.lending) parts.move(local, MOVE.go);
    for (let i = 0; i < event.waits.length; i += 1) {
      const local = event.waits[i] as number;
      parts.wanted[local] = event.wanted[i] as number;
      parts.over[local] = event.over[i] as boolean;
      const parks = parts.own[local] === true || parts.count(PART.parked) < this.#options.maxParked || parts.state[local] === PART.lending;
      parts.move(local, parks ? MOVE.park : MOVE.wait);
    }
    this.#reports.hungry(event.waits);
    this.#paused ||= event.paused;
  }

  /** The function of a part that nobody wants has ended. */
  #aborted(local: number, slot: number, aborted: { keys: number[]; attempts: number[] }): void {
    const parts = this.#parts;
    this.#reports.accept();
    this.#reports.spend(slot);
    this.#reports.spend(parts.slot[local] as number);
    if (parts.mute[local] !== true) {
      aborted.keys.push(parts.key[local] as number);
      aborted.attempts.push(parts.attempt[local] as number);
    }
    parts.move(local, MOVE.end);
  }

  #entry(event: RanEvent, at: number): void {
    const parts = this.#parts;
    const local = event.locals[at] as number;
    const index = event.indexes[at] as number;
    const flags = event.flags[at] as number;
    const length = event.lengths[at] as number;
    if (index !== parts.index[local])
      throw new Error(`assertion: part ${parts.key[local]} reports result ${index}, not ${parts.index[local]}`);
    if ((flags & ENTRY.result) !== 0) {
      parts.index[local] = index + 1;
      const grants = (parts.grants[local] as number) - 1;
      const bytes = (parts.bytes[local] as number) - length;
      if (grants < 0 || bytes < 0) throw new Error(`assertion: part ${parts.key[local]} reports more than its credit`);
      parts.grants[local] = grants;
      parts.bytes[local] = bytes;
    }
    const overdue = (flags & ENTRY.error) !== 0 && (flags & ENTRY.partEnd) === 0;
    this.#reports.entry(local, index, overdue ? flags + ENTRY.partEnd : flags, event.slots[at] as number, length);
    if (overdue) parts.move(local, MOVE.abort);
    if ((flags & ENTRY.partEnd) === 0) return;
    this.#reports.spend(parts.slot[local] as number);
    // To the master a part whose time is over goes on here until it is given back. This one had its time elsewhere, and has ended.
    if ((flags & ENTRY.error) !== 0 && codeOf(flags) === 'timed-out')
      this.#reports.returned([parts.key[local] as number], [parts.attempt[local] as number]);
    // Only what ended well is remembered: what failed or went back may come again, to be run.
    if (parts.pushed[local] === true && (flags & ENTRY.error) === 0) this.#remembered.add(parts.key[local] as number);
    parts.move(local, MOVE.end);
  }

  /** Before the flush: says what is to be said of the whole. */
  conclude(): void {
    if (!this.#turns.mayEndFirst(this.#parts.held)) this.#reports.accept();
    this.#reports.lent();
  }

  /** After the flush: what it let go. */
  release(out: WorkerInstruction[]): void {
    const slots = this.#reports.takeSpent();
    if (slots.length > 0) out.push({ type: 'release', slots });
  }

  /** Whether somebody waits for something that was said since this was asked. */
  takeTold(): boolean {
    return this.#reports.takeTold();
  }

  /** Before it is said that what was not accepted is lost. */
  accept(): void {
    this.#reports.accept();
  }

  /** Lets payloads of records go that were not taken. */
  spend(slots: readonly number[]): void {
    for (const slot of slots) this.#reports.spend(slot);
  }
}
