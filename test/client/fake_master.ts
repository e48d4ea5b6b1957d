/**
 * A master for tests of the client alone: it answers jobs by itself with functions of the test's, and keeps a record of what it was
 * told. It holds the client to its credit, and itself to the credit that the client grants.
 */
import type { CallRecord } from '../../src/protocol/call_records.ts';
import { Drafts } from '../../src/protocol/drafts.ts';
import type { Hello, Welcome } from '../../src/protocol/greetings.ts';
import { Kept } from '../../src/protocol/kept.ts';
import { INITIAL_JOB_BYTES, INITIAL_JOBS, MAX_MESSAGE_BYTES } from '../../src/protocol/limits.ts';
import { type Batch, decode, encodeBatch, encodeGreeting, type WireRecord } from '../../src/protocol/messages.ts';
import { PayloadStore } from '../../src/protocol/payloads.ts';
import { encodeError, type RemoteError } from '../../src/protocol/remote_error.ts';
import { ENTRY, type JobsRecord, type OpenRecord } from '../../src/protocol/stream_records.ts';
import type { RouterSocket, Transport } from '../../src/transport/transport.ts';

const TOKEN = '00000000000000aa';

export interface FakeJob {
  readonly stream: number;
  readonly index: number;
  readonly function: string;
  readonly payload: Buffer;
}

/** What a job comes to: results, then perhaps an error; undefined: nothing for now. */
export type Answers = readonly (Buffer | string | Partial<RemoteError>)[] | undefined;

export interface FakeStream {
  readonly open: OpenRecord;
  results: number;
  bytes: number;
  delivered: number;
  deliveredBytes: number;
  jobs: number;
  jobBytes: number;
  allowed: number;
  allowedBytes: number;
  ended: number;
  endedBytes: number;
  total: number | undefined;
  readonly queue: (() => boolean)[];
}

interface FakeSession {
  readonly number: number;
  readonly drafts: Drafts;
  readonly kept: Kept;
  seen: number;
  sent: number;
  connection: number;
  readonly streams: Map<number, FakeStream>;
}

export interface FakeOptions {
  readonly transport: Transport;
  readonly address?: string;
  readonly epoch?: string;
  readonly answer?: (job: FakeJob) => Answers;
  readonly welcome?: Partial<Welcome>;
  /** Refuses instead of welcoming. */
  readonly refuse?: 'version' | 'role' | 'closing';
  /** Jobs that a stream may have unsettled, and whether windows are granted at all. */
  readonly window?: number;
}

export class FakeMaster {
  readonly records: WireRecord[] = [];
  readonly hellos: Hello[] = [];
  readonly jobs: FakeJob[] = [];
  readonly cache = new Map<string, Buffer>();
  readonly #options: FakeOptions;
  readonly #store = new PayloadStore();
  readonly #sessions = new Map<number, FakeSession>();
  readonly #epoch: string;
  #router: RouterSocket | undefined;
  #scheduled = false;
  #waiting: { test: () => boolean; resolve: () => void }[] = [];

  constructor(options: FakeOptions) {
    this.#options = options;
    this.#epoch = options.epoch ?? '00000000000000e1';
  }

  static async start(options: FakeOptions): Promise<FakeMaster> {
    const master = new FakeMaster(options);
    master.#router = await options.transport.bindRouter(options.address ?? 'memory://master', {
      message: (connection, frames) => master.#message(connection, frames),
      lost: () => undefined,
      rejected: () => undefined,
    });
    return master;
  }

  async stop(): Promise<void> {
    await this.#router?.close(0);
  }

  /** Kinds of records that came, those about jobs and credit aside. */
  kinds(): string[] {
    return this.records.map((record) => record.kind).filter((kind) => kind !== 'jobs' && kind !== 'credit');
  }

  /** Waits until something has come. */
  until(test: () => boolean): Promise<void> {
    if (test()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ test, resolve });
    });
  }

  /** Sends raw frames to all clients. */
  shout(frames: Uint8Array[]): void {
    for (const session of this.#sessions.values()) this.#router?.send(session.connection, frames);
  }

  /** Tells all clients a record. */
  tell(record: WireRecord): void {
    for (const session of this.#sessions.values()) session.drafts.add(record);
    this.#schedule();
  }

  #message(connection: number, frames: Uint8Array[]): void {
    const message = decode(frames, this.#store);
    if (message.type === 'hello') this.#hello(connection, message);
    else if (message.type === 'batch') this.#batch(connection, message);
    for (const wait of this.#waiting.splice(0)) {
      if (wait.test()) wait.resolve();
      else this.#waiting.push(wait);
    }
  }

  #hello(connection: number, hello: Hello): void {
    this.hellos.push(hello);
    const { refuse } = this.#options;
    if (refuse !== undefined) {
      this.#router?.send(connection, encodeGreeting({ type: 'refused', code: refuse, text: `refused: ${refuse}` }));
      return;
    }
    const known = hello.epoch === this.#epoch ? this.#sessions.get(hello.session) : undefined;
    const session: FakeSession = known ?? {
      number: this.#sessions.size + 1,
      drafts: new Drafts(),
      kept: new Kept(),
      seen: 0,
      sent: 0,
      connection,
      streams: new Map(),
    };
    session.connection = connection;
    this.#sessions.set(session.number, session);
    const welcome: Welcome = {
      type: 'welcome',
      master: 'fake',
      epoch: this.#epoch,
      session: session.number,
      token: TOKEN,
      seen: session.seen,
      reportsSeen: 0,
      resumed: known !== undefined,
      pushAt: '',
      pullAt: '',
      heartbeatMs: 0,
      maxMessageBytes: MAX_MESSAGE_BYTES,
      fields: [],
      ...this.#options.welcome,
    };
    this.#router?.send(connection, encodeGreeting(welcome));
    if (known !== undefined) for (const frames of session.kept.from('control', hello.seen + 1)) this.#router?.send(connection, frames);
  }

  #batch(connection: number, { envelope, records }: Batch): void {
    const session = this.#sessions.get(envelope.session);
    if (session === undefined || envelope.epoch !== this.#epoch || session.connection !== connection) {
      this.#router?.send(connection, encodeGreeting({ type: 'resync' }));
      return;
    }
    session.kept.forget('control', envelope.ack);
    if (envelope.seq === 0 || envelope.seq <= session.seen) return;
    if (envelope.seq !== session.seen + 1) throw new Error(`a gap: ${envelope.seq} after ${session.seen}`);
    session.seen = envelope.seq;
    for (const record of records) {
      this.records.push(record);
      this.#record(session, record);
    }
    this.#schedule();
  }

  #record(session: FakeSession, record: WireRecord): void {
    if (record.kind === 'call') this.#call(session, record);
    if (record.kind === 'open') this.#open(session, record);
    if (!('stream' in record)) return;
    const stream = session.streams.get(record.stream);
    if (stream === undefined) return;
    if (record.kind === 'jobs') this.#jobs(session, stream, record);
    else if (record.kind === 'credit') {
      stream.results = record.results;
      stream.bytes = record.bytes;
    } else if (record.kind === 'end') stream.total = record.jobs;
    else if (record.kind === 'cancel' && record.job < 0) session.streams.delete(record.stream);
    this.#work(stream);
  }

  #open(session: FakeSession, open: OpenRecord): void {
    session.streams.set(open.stream, {
      open,
      results: open.results,
      bytes: open.bytes,
      delivered: 0,
      deliveredBytes: 0,
      jobs: 0,
      jobBytes: 0,
      allowed: INITIAL_JOBS,
      allowedBytes: INITIAL_JOB_BYTES,
      ended: 0,
      endedBytes: 0,
      total: undefined,
      queue: [],
    });
  }

  #jobs(session: FakeSession, stream: FakeStream, record: JobsRecord): void {
    record.slots.forEach((slot, i) => {
      const length = record.lengths[i] as number;
      const withinCredit = stream.jobs < stream.allowed && stream.jobBytes + length <= stream.allowedBytes;
      if (!withinCredit && stream.ended < stream.jobs) throw new Error(`job ${record.first + i} came without credit`);
      stream.jobs += 1;
      stream.jobBytes += length;
      const payload = Buffer.from(this.#store.joined(slot));
      this.#store.release(slot);
      const job = { stream: record.stream, index: record.first + i, function: record.functions[record.which[i] ?? 0] as string, payload };
      this.jobs.push(job);
      const answers = (this.#options.answer ?? ((one) => [one.payload]))(job);
      if (answers !== undefined) this.#queue(session, stream, job, answers);
    });
  }

  #queue(session: FakeSession, stream: FakeStream, job: FakeJob, answers: NonNullable<Answers>): void {
    answers.forEach((answer, index) => {
      const last = index === answers.length - 1;
      const error = typeof answer === 'object' && !Buffer.isBuffer(answer);
      const bytes = error ? encodeError(failure(answer)) : Buffer.from(answer as string);
      const flags = (error ? ENTRY.error : ENTRY.result) | (last ? ENTRY.partEnd | ENTRY.jobEnd : 0);
      stream.queue.push(() => this.#deliver(session, stream, { job, index, flags, bytes }));
    });
    if (answers.length === 0)
      stream.queue.push(() => this.#deliver(session, stream, { job, index: 0, flags: ENTRY.partEnd | ENTRY.jobEnd, bytes: undefined }));
  }

  /** Sends an entry if the client has granted it. */
  #deliver(
    session: FakeSession,
    stream: FakeStream,
    { job, index, flags, bytes }: { job: FakeJob; index: number; flags: number; bytes: Buffer | undefined },
  ): boolean {
    const length = bytes?.length ?? 0;
    const empty = stream.deliveredBytes + stream.open.bytes / 2 <= stream.bytes;
    if (bytes !== undefined && (stream.delivered >= stream.results || (stream.deliveredBytes + length > stream.bytes && !empty)))
      return false;
    const slot = bytes === undefined ? -1 : this.#store.put(bytes);
    const entry = { jobs: [job.index], parts: [0], indexes: [index], flags: [flags], slots: [slot], lengths: [length] };
    const open = session.drafts.results(job.stream, length);
    if (open === undefined) session.drafts.begin({ kind: 'results', stream: job.stream, ...entry });
    else for (const column of Object.keys(entry) as (keyof typeof entry)[]) open[column].push(...entry[column]);
    if (bytes !== undefined) stream.delivered += 1;
    stream.deliveredBytes += length;
    if ((flags & ENTRY.jobEnd) !== 0) {
      stream.ended += 1;
      stream.endedBytes += job.payload.length;
      const window = this.#options.window ?? 1_024;
      if (stream.ended + window - stream.allowed >= window / 2) {
        stream.allowed = stream.ended + window;
        stream.allowedBytes = stream.endedBytes + 1_048_576;
        session.drafts.add({ kind: 'window', stream: job.stream, jobs: stream.allowed, bytes: stream.allowedBytes });
      }
    }
    return true;
  }

  #work(stream: FakeStream): void {
    while (stream.queue.length > 0 && (stream.queue[0] as () => boolean)()) stream.queue.shift();
    this.#schedule();
  }

  #call(session: FakeSession, { id, operation, key, slot }: CallRecord): void {
    const reply = { kind: 'reply', id, outcome: 'done', text: '', slot: -1, length: 0 } as const;
    const found = this.cache.get(key);
    if (operation === 'set') {
      this.cache.set(key, Buffer.from(this.#store.joined(slot)));
      this.#store.release(slot);
    }
    const value = operation === 'get' ? found : operation === 'status' ? Buffer.from('{"name":"fake"}') : undefined;
    const missing = found === undefined && (operation === 'get' || operation === 'delete');
    if (operation === 'delete') this.cache.delete(key);
    const answer = value === undefined ? reply : { ...reply, slot: this.#store.put(value), length: value.length };
    if (key === 'refuse me') session.drafts.add({ ...reply, outcome: 'refused', text: 'set: 9 bytes are over 8' });
    else session.drafts.add(missing ? { ...reply, outcome: 'none' } : answer, answer.length);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const session of this.#sessions.values()) this.#flush(session);
    });
  }

  #flush(session: FakeSession): void {
    for (const records of session.drafts.take()) {
      session.sent += 1;
      const lane = { lane: 'control', epoch: this.#epoch, session: session.number, token: TOKEN } as const;
      const frames = encodeBatch({ ...lane, seq: session.sent, ack: session.seen, reportsAck: 0 }, records, this.#store);
      session.kept.keep('control', session.sent, frames);
      this.#router?.send(session.connection, frames);
    }
  }
}

function failure(about: Partial<RemoteError>): RemoteError {
  return {
    code: 'function-threw',
    message: 'it threw',
    function: 'foo',
    worker: 'w1',
    attempts: 1,
    stack: 'Error: it threw',
    phase: '',
    ...about,
  };
}
