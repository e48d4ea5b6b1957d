// @ts-check
/**
 * The pure master, with a client and any number of workers played by hand; nothing is encoded and nothing is sent. Each tick ten workers
 * report all that they have, the client sends as many jobs as have ended, and a flush ends the tick. So a tick has the same batches
 * however many workers stand by and however many parts wait. Only what the master itself does is counted.
 *
 * @import { MasterState } from '../../src/master/state.ts'
 * @import { MasterEvent } from '../../src/master/events.ts'
 * @import { MasterInstruction } from '../../src/master/instructions.ts'
 * @import { Envelope, Lane, WireRecord } from '../../src/protocol/messages.ts'
 * @import { PolicyChoice } from '../../src/scheduling/policy.ts'
 *
 * @typedef {{ connection: number, session: number, token: string, control: number, reports: number, seen: number, keys: number[] }} Peer
 * @typedef {{ number: number, jobs: number, ended: number, window: number, delivered: number, granted: number }} Stream
 */

const NONE = '0000000000000000';
const EPOCH = 'e0e0e0e0e0e0e0e0';
const BYTES = 9;
/** What workers say that a part takes; the master gives each as many as that is worth. */
const MICROS = 60;
/** Parts that a worker has, by that. */
const HELD = 51;
const TURN = 10;
/** Workers that report in one tick at the beginning. */
const TOGETHER = 100;
const TICK_MS = 1;
const MAX_TICKS = 20_000;
const PAUSE_MS = 100;
const WARM_JOBS = 200_000;
/** Unended jobs of a stream: below the master's window, so that it never stops anything. */
const PER_STREAM = 2_000;
const WINDOW = 4_096;
const WINDOW_BYTES = 16_777_216;
const RESULT_ENDS_PART = 3;
const JOB_END = 4;

/** @returns {Peer} */
function newPeer(/** @type {number} */ connection) {
  return { connection, session: 0, token: NONE, control: 0, reports: 0, seen: 0, keys: [] };
}

/** How many of them at a time. @param {number} workers */
function groups(workers) {
  return Array.from({ length: Math.ceil(workers / TOGETHER) }, (_, i) => Math.min(TOGETHER, workers - i * TOGETHER));
}

export class Crowd {
  /** CPU µs a job while the first queue drained. */
  firstMicros = NaN;
  /** @type {MasterState} */
  #state;
  #now = 0;
  #wakeAtMs = Infinity;
  /** @type {Map<number, Peer>} */
  #bySession = new Map();
  /** @type {Peer[]} */
  #workers = [];
  #client = newPeer(1);
  /** @type {Stream[]} */
  #streams = [];
  #turn = 0;
  #next = 0;
  #slots = 0;
  #target = 0;
  #unended = 0;
  /** What the master did so far. */
  done = { jobs: 0, micros: 0, partRecords: 0, parts: 0, resultRecords: 0, results: 0 };

  /**
   * @param {typeof MasterState} Master
   * @param {PolicyChoice} policy
   * @param {{ workers: number, queued: number }} size
   */
  constructor(Master, policy, { workers, queued }) {
    const limits = { maxMessageBytes: 67_108_864, maxJobResultBytes: 67_108_864, bufferBytes: 268_435_456, crashLimit: 3 };
    const times = { heartbeatMs: 0, workerGraceMs: 1_000, clientGraceMs: 30_000 };
    const at = { pushAt: '6001', pullAt: '6002' };
    this.#state = new Master({ name: 'master', epoch: EPOCH, policy, scatter: false, gather: false, ...at, ...limits, ...times });
    const batches = workers + TURN + Math.ceil(queued / HELD);
    this.#hello(this.#client, 'client', []);
    this.#open(Math.max(TURN, Math.ceil((batches * HELD) / PER_STREAM)));
    for (let i = 0; i < workers; i += 1) {
      const worker = newPeer(i + 2);
      this.#workers.push(worker);
      this.#hello(worker, 'worker', ['noop']);
    }
    // First each worker gets one part. Then all that is to wait comes, in whole batches: a short one would travel on for ever. Then they
    // report how long that one took, and get as many as they should have.
    // A hundred at a time: V8 would take it that what one tick of thousands makes lives long, and allocate such objects in the old generation
    // from then on (allocation-site pretenuring).
    for (const together of groups(workers)) {
      this.#target += together;
      this.tick(0, Math.ceil(together / this.#streams.length));
    }
    this.#target = workers + batches * HELD;
    this.#tickUntil(0, () => this.#unended >= this.#target);
    this.#target -= workers;
    for (const together of groups(workers)) this.tick(together);
    // The leases of that end: in a crowd nobody comes again that soon.
    this.#now += PAUSE_MS;
    // All that waits goes through once: rows that were added in one go, and used for the first time, cost more than those that are used again.
    const before = { ...this.done };
    this.work(queued);
    this.firstMicros = (this.done.micros - before.micros) / (this.done.jobs - before.jobs);
    this.work(Math.max(WARM_JOBS, 2 * workers * HELD));
  }

  get status() {
    const { queued, placed } = this.#state.status;
    return { queued, placed };
  }

  /** Ticks until so many more jobs have ended. @param {number} jobs */
  work(jobs) {
    const until = this.done.jobs + jobs;
    this.#tickUntil(TURN, () => this.done.jobs >= until);
  }

  /** Nothing else in this process can end it if the master stops giving work: hence the limit. @param {number} reporting @param {() => boolean} done */
  #tickUntil(reporting, done) {
    for (let ticks = 0; !done(); ticks += 1) {
      if (ticks > MAX_TICKS) throw new Error(`no end after ${MAX_TICKS} ticks: ${JSON.stringify(this.status)}`);
      this.tick(reporting);
    }
  }

  /** @param {number} reporting workers that report @param {number} [batch] jobs of a stream in one message */
  tick(reporting, batch = HELD) {
    this.#now += TICK_MS;
    /** @type {MasterEvent[]} */
    const events = [];
    if (this.#now >= this.#wakeAtMs) events.push({ type: 'wake', now: this.#now });
    for (let i = 0; i < reporting; i += 1) this.#report(events);
    this.#send(events, this.#target - this.#unended, batch);
    events.push({ type: 'flush', now: this.#now });
    for (const instructions of this.#handle(events)) this.#carryOut(instructions);
  }

  /** @param {MasterEvent[]} events @returns {MasterInstruction[][]} */
  #handle(events) {
    /** @type {MasterInstruction[][]} */
    const answers = [];
    const before = process.cpuUsage();
    for (const event of events) answers.push(this.#state.handle(event));
    const { user, system } = process.cpuUsage(before);
    this.done.micros += user + system;
    return answers;
  }

  /** @param {Peer} peer @param {'client' | 'worker'} role @param {string[]} functions */
  #hello(peer, role, functions) {
    const about = { epoch: NONE, session: 0, token: NONE, seen: 0, functions, slots: functions.length, fields: [] };
    const token = String(peer.connection).padStart(16, '0');
    const name = `${role}${peer.connection}`;
    const { connection } = peer;
    const hello = /** @type {const} */ ({ type: 'hello', role, name, ...about });
    for (const instruction of this.#state.handle({ type: 'hello', connection, hello, token, now: this.#now })) {
      if (instruction.type !== 'post' || instruction.greeting.type !== 'welcome') continue;
      peer.session = instruction.greeting.session;
      peer.token = instruction.greeting.token;
    }
    this.#bySession.set(peer.session, peer);
  }

  /** @param {Peer} peer @param {Lane & ('control' | 'reports')} lane @returns {Envelope} */
  #envelope(peer, lane) {
    peer[lane] += 1;
    return { lane, epoch: EPOCH, session: peer.session, token: peer.token, seq: peer[lane], ack: peer.seen, reportsAck: 0 };
  }

  /** @param {WireRecord[]} records @returns {MasterEvent} */
  #said(records) {
    const { connection } = this.#client;
    return { type: 'batch', connection, envelope: this.#envelope(this.#client, 'control'), records, bytes: 0, now: this.#now };
  }

  /** @param {number} count */
  #open(count) {
    /** @type {WireRecord[]} */
    const records = [];
    for (let number = 1; number <= count; number += 1) {
      this.#streams.push({ number, jobs: 0, ended: 0, window: 64, delivered: 0, granted: WINDOW });
      const about = { ordered: false, results: WINDOW, bytes: WINDOW_BYTES, parent: 0, fields: [] };
      records.push({ kind: 'open', stream: number, id: `client/${number}`, ...about });
    }
    this.#state.handle(this.#said(records));
  }

  /** The next worker reports all that it has. @param {MasterEvent[]} events */
  #report(events) {
    const worker = /** @type {Peer} */ (this.#workers[this.#turn]);
    this.#turn = (this.#turn + 1) % this.#workers.length;
    const { keys } = worker;
    if (keys.length === 0) return;
    worker.keys = [];
    const each = (/** @type {number} */ value) => keys.map(() => value);
    const columns = { attempts: each(1), indexes: each(0), flags: each(RESULT_ENDS_PART), slots: this.#newSlots(keys.length) };
    /** @type {WireRecord} */
    const record = { kind: 'outcomes', keys, ...columns, busyMicros: MICROS * keys.length, lengths: each(BYTES) };
    const envelope = this.#envelope(worker, 'reports');
    events.push({ type: 'report', envelope, records: [record], bytes: keys.length * BYTES, now: this.#now });
  }

  /** @param {number} count */
  #newSlots(count) {
    const first = this.#slots + 1;
    this.#slots += count;
    return Array.from({ length: count }, (_, i) => first + i);
  }

  /** The client sends so many jobs, each batch to another stream, and the credit that is due. @param {MasterEvent[]} events @param {number} count @param {number} batch */
  #send(events, count, batch) {
    /** @type {WireRecord[]} */
    const records = [];
    let left = count;
    for (let tried = 0; tried < this.#streams.length && left > 0; tried += 1) {
      const stream = /** @type {Stream} */ (this.#streams[this.#next]);
      this.#next = (this.#next + 1) % this.#streams.length;
      const jobs = Math.min(left, batch, stream.window - stream.jobs);
      if (jobs <= 0) continue;
      const about = {
        functions: ['noop'],
        which: [],
        fields: [],
        slots: this.#newSlots(jobs),
        lengths: Array.from({ length: jobs }, () => BYTES),
      };
      records.push({ kind: 'jobs', stream: stream.number, first: stream.jobs, ...about });
      stream.jobs += jobs;
      left -= jobs;
    }
    this.#unended += Math.max(0, count) - Math.max(0, left);
    for (const stream of this.#streams) {
      if (stream.granted - stream.delivered > WINDOW / 2) continue;
      stream.granted = stream.delivered + WINDOW;
      records.push({ kind: 'credit', stream: stream.number, results: stream.granted, bytes: stream.delivered * BYTES + WINDOW_BYTES });
    }
    if (records.length > 0) events.push(this.#said(records));
  }

  /** @param {MasterInstruction[]} instructions */
  #carryOut(instructions) {
    for (const instruction of instructions) {
      if (instruction.type === 'wakeAt') this.#wakeAtMs = instruction.atMs;
      if (instruction.type === 'reject') throw new Error(`the master rejected what the benchmark said: ${instruction.reason}`);
      if (instruction.type !== 'send') continue;
      const peer = /** @type {Peer} */ (this.#bySession.get(instruction.session));
      if (instruction.envelope.seq > 0) peer.seen = instruction.envelope.seq;
      for (const record of instruction.records) this.#heard(peer, record);
    }
  }

  /** @param {Peer} peer @param {WireRecord} record */
  #heard(peer, record) {
    if (record.kind === 'parts') {
      peer.keys.push(...record.keys);
      this.done.partRecords += 1;
      this.done.parts += record.keys.length;
    } else if (record.kind === 'window') {
      const stream = /** @type {Stream} */ (this.#streams[record.stream - 1]);
      stream.window = record.jobs;
    } else if (record.kind === 'results') {
      const stream = /** @type {Stream} */ (this.#streams[record.stream - 1]);
      const ended = record.flags.reduce((sum, flag) => sum + ((flag & JOB_END) === 0 ? 0 : 1), 0);
      stream.delivered += record.jobs.length;
      stream.ended += ended;
      this.#unended -= ended;
      this.done.jobs += ended;
      this.done.resultRecords += 1;
      this.done.results += record.jobs.length;
    } else if (record.kind === 'revoke') {
      throw new Error('the master took parts back: all workers have enough');
    }
  }
}
