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
import { RESULT_WINDOW, RESULT_WINDOW_BYTES } from '../protocol/limits.ts';
import type { WireRecord } from '../protocol/messages.ts';
import { moved } from '../protocol/session.ts';
import { ENTRY, type ResultsRecord } from '../protocol/stream_records.ts';
import { Entries, isShown } from './columns.ts';
import type { BeginEvent, ConsumerOut, PulledEvent } from './events.ts';
import { JOB, Jobs } from './jobs.ts';
import { Order } from './order.ts';
import { PartProgress, type Verdict } from './parts.ts';
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
  readonly #bytes = new ResultWindow(RESULT_WINDOW_BYTES);
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
  /** Results and errors that the user has been given, and how many of them wait to be taken. */
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

  /** Asks the source for as much as there is credit for. */
  pull(out: ConsumerOut, always = false): void {
    if (this.#state !== 'open') return;
    const room = this.#window.room();
    const jobs = this.#jobs.next + room.jobs;
    const bytes = this.#pulledBytes + room.bytes;
    if (!always && (room.jobs === 0 || (jobs <= this.#pullJobs && bytes <= this.#pullBytes))) return;
    this.#pullJobs = jobs;
    this.#pullBytes = bytes;
    out.push({ type: 'pull', stream: this.number, jobs, bytes });
  }

  pulled(event: PulledEvent, out: ConsumerOut): void {
    if (event.first !== this.#jobs.next) throw new Error(`assertion: job ${event.first} came where ${this.#jobs.next} was due`);
    const numbers = event.functions.map((name) => this.#functionNumber(name));
    for (let i = 0; i < event.slots.length; i += 1) {
      const length = event.lengths[i] as number;
      this.#jobs.add(event.slots[i] as number, length, numbers[event.which[i] ?? 0] as number, event.fields[i]);
      this.#window.add(length);
      this.#pulledBytes += length;
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

  taken(results: number, bytes: number): void {
    this.#untaken -= results;
    this.#results.buffer(-results);
    this.#bytes.buffer(-bytes);
  }

  /** Entries came. */
  receive(record: ResultsRecord, out: ConsumerOut): void {
    const entries = new Entries();
    const released: number[] = [];
    for (let row = 0; row < record.jobs.length; row += 1) this.#entry(record, row, entries, released);
    if (released.length > 0) out.push({ type: 'release', slots: released });
    this.#hand(entries, out);
    if (this.over) return;
    this.#finishIfDone(out);
    this.pull(out);
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
      const credit = { results: this.#results.tell(idle), bytes: this.#bytes.tell(idle) };
      drafts.add({ kind: 'open', stream: this.number, id, ordered, ...credit, parent, fields });
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
    const verdict = this.#jobs.state(job) === JOB.sent ? this.#judge(job, part, index, flags) : 'gone';
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
    if (isShown(flags)) {
      this.#results.buffer(1);
      this.#bytes.buffer(length);
    }
    if (this.#order !== undefined) this.#order.add({ job, part, index, flags, slot, length }, entries);
    else if (isShown(flags) || (flags & ENTRY.jobEnd) !== 0) entries.push(job, part, index, flags, slot, length);
  }

  #judge(job: number, part: number, index: number, flags: number): Verdict {
    let progress = this.#jobs.progress(job);
    const endsJob = (flags & ENTRY.jobEnd) !== 0;
    if (progress === undefined) {
      if (endsJob) return 'fresh';
      progress = new PartProgress();
      this.#jobs.setProgress(job, progress);
    }
    const endsPart = (flags & ENTRY.partEnd) !== 0;
    let verdict: Verdict = 'fresh';
    if ((flags & ENTRY.result) !== 0) verdict = progress.result(part, index, endsPart);
    else if (endsPart) verdict = progress.partEnd(part, index);
    if (!endsJob || verdict === 'contradiction' || (flags & ENTRY.error) !== 0) return verdict;
    const alone = (flags & (ENTRY.result | ENTRY.partEnd)) === 0;
    return progress.jobEnd(alone ? index : undefined) === 'contradiction' ? 'contradiction' : verdict;
  }

  #endJob(job: number, released: number[]): void {
    released.push(this.#jobs.slot(job));
    this.#jobs.end(job);
    this.#window.end();
  }

  /** Gives entries to the user, as far as `messages` allows. */
  #hand(entries: Entries, out: ConsumerOut): void {
    const { messages } = this.#about;
    const limit = messages === 0 ? Infinity : messages - this.#shown;
    let shown = 0;
    let at = 0;
    for (; at < entries.size && shown < limit; at += 1) if (isShown(entries.flags[at] as number)) shown += 1;
    const dropped = entries.cut(at);
    this.#shown += shown;
    this.#untaken += shown;
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
      const length = this.#jobs.length(job);
      this.#cursor = job;
      if (!this.#window.maySend(length)) return;
      this.#window.send(length);
      this.#jobs.markSent(job);
      this.#cursor = job + 1;
      addJob(drafts.jobs(this.number, job, length), this.#names[this.#jobs.functionNumber(job)] as string, this.#jobs, job);
    }
  }
}
