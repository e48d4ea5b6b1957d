/**
 * The consumer's half of one stream.
 *
 *     open ── the source ended ──→ draining ── every job ended ──→ ended
 *       └───────────┴── left, `messages` reached, source failed ──→ cancelled
 *
 * Custody: a job's payload is kept until the job has ended here, so that it can be sent again to another master. What was delivered
 * of a job that has not ended is remembered (parts.ts), so that its replay delivers nothing twice.
 */
import type { Drafts } from '../protocol/drafts.ts';
import { RESULT_WINDOW, RESULT_WINDOW_BYTES, WINDOW_PAYLOADS } from '../protocol/limits.ts';
import type { WireRecord } from '../protocol/messages.ts';
import { moved } from '../protocol/session.ts';
import { ENTRY, type ResultsRecord } from '../protocol/stream_records.ts';
import { DROPPED, Entries, isShown, isTaken } from './columns.ts';
import type { BeginEvent, ConsumerOut, DroppedEvent, PulledEvent, TakenEvent } from './events.ts';
import { JOB, Jobs } from './jobs.ts';
import { judge } from './judging.ts';
import { Order } from './order.ts';
import { addJob } from './sending.ts';
import { JobWindow, ResultWindow } from './window.ts';

type StreamState = 'open' | 'draining' | 'ended' | 'cancelled';
type StreamMove = 'exhaust' | 'finish' | 'cancel';

const STREAM_MOVES = {
  open: { exhaust: 'draining', cancel: 'cancelled' },
  draining: { finish: 'ended', cancel: 'cancelled' },
  ended: {},
  cancelled: {},
} as const satisfies Record<StreamState, Partial<Record<StreamMove, StreamState>>>;

export class Stream {
  readonly number: number;
  readonly #about: BeginEvent;
  readonly #jobs = new Jobs();
  readonly #order: Order | undefined;
  readonly #results: ResultWindow;
  readonly #bytes = new ResultWindow(RESULT_WINDOW_BYTES, 0, WINDOW_PAYLOADS);
  readonly #window = new JobWindow();
  readonly #functions = new Map<string, number>();
  readonly #names: string[] = [];
  #state: StreamState = 'open';
  /** Whether this session's master knows of the stream, and that no jobs follow. */
  #opened = false;
  #endTold = false;
  /** No job below this index waits to be sent. */
  #cursor = 0;
  #pulledBytes = 0;
  #pullJobs = 0;
  #pullBytes = 0;
  /** Results and errors that the user has been given, and how many entries wait to be taken. */
  #shown = 0;
  #untaken = 0;
  /** Jobs that the master must be told to stop. */
  #stopped: number[] = [];

  constructor(about: BeginEvent) {
    this.number = about.stream;
    this.#about = about;
    this.#order = about.ordered ? new Order((job, part) => this.#jobs.progress(job)?.ended(part) ?? false) : undefined;
    this.#results = new ResultWindow(
      Math.min(about.messages === 0 ? Infinity : about.messages, about.window ?? RESULT_WINDOW),
      about.ordered ? 1 : 0,
    );
  }

  get over(): boolean {
    return this.#state === 'ended' || this.#state === 'cancelled';
  }

  /** Asks the source for as much as there is credit for. What was dropped used none: it is bounded by what the user has not taken. */
  pull(out: ConsumerOut, always = false): void {
    if (this.#state !== 'open') return;
    const room = this.#window.room();
    const jobs = this.#jobs.next + room.jobs;
    const bytes = this.#pulledBytes + room.bytes;
    if (!always && (room.jobs === 0 || this.#results.buffered >= RESULT_WINDOW || (jobs <= this.#pullJobs && bytes <= this.#pullBytes)))
      return;
    this.#pullJobs = jobs;
    this.#pullBytes = bytes;
    out.push({ type: 'pull', stream: this.number, jobs, bytes });
  }

  pulled(event: PulledEvent, out: ConsumerOut): void {
    if (event.first !== this.#jobs.next) throw new Error(`assertion: job ${event.first} came where ${this.#jobs.next} was due`);
    const numbers = event.functions.map((name) => this.#functionNumber(name));
    for (let i = 0; i < event.slots.length; i += 1) {
      const name = numbers[event.which[i] ?? 0] as number;
      const job = this.#jobs.add(event.slots[i] as number, event.lengths[i] as number, name, event.fields[i]);
      const weight = this.#jobs.weight(job);
      this.#window.add(weight);
      this.#pulledBytes += weight;
    }
    if (event.source === 'failed') {
      const entries = new Entries();
      this.#order?.flush(entries);
      this.#hand(entries, out);
      if (this.over) return;
      this.cancel(out);
      out.push({ type: 'failed', stream: this.number });
    } else if (event.source === 'ended') {
      this.#move('exhaust');
      this.#finishIfDone(out);
    } else this.pull(out);
  }

  granted(jobs: number, bytes: number, out: ConsumerOut): void {
    this.#window.grant(jobs, bytes);
    this.pull(out);
  }

  taken({ results, bytes }: TakenEvent, out: ConsumerOut): void {
    this.#untaken -= results;
    this.#results.buffer(-results);
    this.#bytes.buffer(-bytes);
    this.pull(out);
  }

  /** Entries came. */
  receive(record: ResultsRecord, out: ConsumerOut): void {
    const entries = new Entries();
    const released: number[] = [];
    for (let row = 0; row < record.jobs.length; row += 1) this.#entry(record, row, entries, released);
    this.#conclude(entries, released, out);
  }

  /** The owner of jobs wants them no more: one that waits is never sent, of one that was sent the master is told. */
  drop({ jobs, shown }: DroppedEvent, out: ConsumerOut): void {
    const entries = new Entries();
    const released: number[] = [];
    for (const job of jobs) {
      const state = this.#jobs.state(job);
      if (state === JOB.none) continue;
      if (state === JOB.sent) this.#stopped.push(job);
      this.#endJob(job, released);
      this.#add(entries, job, 0, DROPPED, ENTRY.jobEnd | (shown ? ENTRY.error : 0), -1, 0);
    }
    this.#conclude(entries, released, out);
  }

  /** Another session began: the master knows nothing of this stream. */
  restate(out: ConsumerOut): void {
    const { lowest, bytes } = this.#jobs.unsend();
    this.#cursor = lowest;
    this.#window.restart(this.#jobs.live, bytes);
    this.#results.open();
    this.#bytes.open();
    this.#opened = false;
    this.#endTold = false;
    this.#stopped = [];
    this.pull(out, true);
  }

  /** Writes what is to be said now. */
  write(drafts: Drafts): void {
    const idle = this.#untaken === 0;
    if (!this.#opened) {
      if (this.#window.waiting === 0) return;
      this.#opened = true;
      const { id, ordered, parent, fields } = this.#about;
      const [results, bytes] = [this.#results.tell(idle), this.#bytes.tell(idle)];
      drafts.add({ kind: 'open', stream: this.number, id, ordered, results, bytes, parent, fields });
    } else if (this.#results.due(idle) || this.#bytes.due(idle)) {
      drafts.add({ kind: 'credit', stream: this.number, results: this.#results.tell(idle), bytes: this.#bytes.tell(idle) });
    }
    for (const job of this.#stopped) drafts.add({ kind: 'cancel', stream: this.number, job });
    this.#stopped = [];
    this.#send(drafts);
    if (this.#state === 'draining' && this.#window.waiting === 0 && !this.#endTold) {
      this.#endTold = true;
      drafts.add({ kind: 'end', stream: this.number, jobs: this.#window.sent });
    }
  }

  /** What the master must still be told of a stream that is over. */
  farewell(): WireRecord | undefined {
    if (!this.#opened) return undefined;
    if (this.#state === 'cancelled' || this.#stopped.length > 0) return { kind: 'cancel', stream: this.number, job: -1 };
    return this.#endTold ? undefined : { kind: 'end', stream: this.number, jobs: this.#window.sent };
  }

  /** Lets all go that is kept here. */
  cancel(out: ConsumerOut): void {
    this.#move('cancel');
    const held = new Entries();
    this.#order?.flush(held);
    const slots = [...this.#jobs.clear(), ...held.cut(0)];
    if (slots.length > 0) out.push({ type: 'release', slots });
  }

  #move(move: StreamMove): void {
    this.#state = moved(STREAM_MOVES, 'stream', this.#state, move);
  }

  #functionNumber(name: string): number {
    let number = this.#functions.get(name);
    if (number === undefined) {
      number = this.#names.push(name) - 1;
      this.#functions.set(name, number);
    }
    return number;
  }

  /** One entry of the master: passed on, unless its job is over or it is known already. */
  #entry(record: ResultsRecord, row: number, entries: Entries, released: number[]): void {
    const job = record.jobs[row] as number;
    const part = record.parts[row] as number;
    const index = record.indexes[row] as number;
    let slot = record.slots[row] as number;
    let length = record.lengths[row] as number;
    let flags = record.flags[row] as number;
    if (slot >= 0) {
      this.#results.receive(1);
      this.#bytes.receive(length);
    }
    const verdict = this.#jobs.state(job) === JOB.sent ? judge(this.#jobs, job, part, index, flags) : 'gone';
    if (verdict !== 'fresh') {
      if (slot >= 0) released.push(slot);
      slot = -1;
      length = 0;
      if (verdict === 'contradiction') {
        this.#stopped.push(job);
        flags = ENTRY.error | ENTRY.jobEnd;
      } else if (verdict === 'known') flags &= ENTRY.partEnd | ENTRY.jobEnd;
      else return;
    }
    if ((flags & ENTRY.jobEnd) !== 0) this.#endJob(job, released);
    this.#add(entries, job, part, index, flags, slot, length);
  }

  /** Adds what is for the user, in its turn. */
  #add(entries: Entries, job: number, part: number, index: number, flags: number, slot: number, length: number): void {
    const taken = isTaken(flags, index);
    if (taken) {
      this.#results.buffer(1);
      this.#bytes.buffer(length);
    }
    if (this.#order !== undefined) this.#order.add({ job, part, index, flags, slot, length }, entries);
    else if (taken || (flags & ENTRY.jobEnd) !== 0) entries.push(job, part, index, flags, slot, length);
  }

  #endJob(job: number, released: number[]): void {
    released.push(this.#jobs.slot(job));
    if (this.#jobs.state(job) === JOB.sent) this.#window.end();
    else this.#window.drop(this.#jobs.weight(job));
    this.#jobs.end(job);
  }

  /** After jobs ended, or something came of them. */
  #conclude(entries: Entries, released: number[], out: ConsumerOut): void {
    if (released.length > 0) out.push({ type: 'release', slots: released });
    this.#hand(entries, out);
    if (this.over) return;
    this.#finishIfDone(out);
    this.pull(out);
  }

  /** Gives entries to the user, as far as `messages` allows. */
  #hand(entries: Entries, out: ConsumerOut): void {
    const { messages } = this.#about;
    const limit = messages === 0 ? Infinity : messages - this.#shown;
    let shown = 0;
    let at = 0;
    for (; at < entries.size && shown < limit; at += 1) {
      const flags = entries.flags[at] as number;
      if (isShown(flags)) shown += 1;
      if (isTaken(flags, entries.indexes[at] as number)) this.#untaken += 1;
    }
    const dropped = entries.cut(at);
    this.#shown += shown;
    if (entries.size > 0) out.push(entries.deliver(this.number));
    if (dropped.length > 0) out.push({ type: 'release', slots: dropped });
    if (messages === 0 || this.#shown < messages) return;
    const early = this.#state === 'open';
    if (!early && this.#jobs.live === 0) this.#move('finish');
    else this.cancel(out);
    out.push({ type: 'ended', stream: this.number, early });
  }

  #finishIfDone(out: ConsumerOut): void {
    if (this.#state !== 'draining' || this.#jobs.live > 0) return;
    this.#move('finish');
    out.push({ type: 'ended', stream: this.number, early: false });
  }

  /** Sends what waits, as far as credit goes. */
  #send(drafts: Drafts): void {
    while (this.#window.waiting > 0) {
      const job = this.#jobs.nextWaiting(this.#cursor);
      const weight = this.#jobs.weight(job);
      this.#cursor = job;
      if (!this.#window.maySend(weight)) return;
      this.#window.send(weight);
      this.#jobs.markSent(job);
      this.#cursor = job + 1;
      addJob(drafts, this.number, this.#names[this.#jobs.functionNumber(job)] as string, this.#jobs, job);
    }
  }
}
