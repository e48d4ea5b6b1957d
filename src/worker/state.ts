/**
 * A worker as a state machine: its session, its parts (workload.ts), and the streams and calls of its functions (streams/). Pure.
 *
 * Parts are begun only while the session stands: when it is gone, the master gives what is not begun to others at once. After a jump of
 * the clock (SIGSTOP, a suspended machine) it may be gone without our having heard of it, so the worker asks first.
 */
import { toFields } from '../protocol/fields.ts';
import { Timers } from '../machine/timers.ts';
import type { Refused, Welcome } from '../protocol/greetings.ts';
import { NOTICE_AFTER_MS } from '../protocol/limits.ts';
import { type Envelope, slotsOf, type WireRecord } from '../protocol/messages.ts';
import { Peer } from '../protocol/peer.ts';
import { moved } from '../protocol/session.ts';
import { Consumer } from '../streams/consumer.ts';
import { type ConsumerEvent, isConsumerEvent, isConsumerRecord } from '../streams/events.ts';
import type { WorkerEvent } from './events.ts';
import type { WorkerInstruction } from './instructions.ts';
import { Workload } from './workload.ts';

/** serving: takes parts. draining: finishes what it has begun. parting: all is said, and waits to be acknowledged. gone: closed. */
type Life = 'serving' | 'draining' | 'parting' | 'gone';
type LifeMove = 'stop' | 'drained' | 'part' | 'refuse';

const LIFE_MOVES = {
  serving: { stop: 'draining', refuse: 'gone' },
  draining: { drained: 'parting', part: 'gone', refuse: 'gone' },
  parting: { part: 'gone', refuse: 'gone' },
  gone: {},
} as const satisfies Record<Life, Partial<Record<LifeMove, Life>>>;

/** How often the clock is looked at, and a silence of ours that may have cost us the session. */
const PULSE_MS = 500;
const JUMP_MS = 1_500;
/** A worker that leaves asks so often for the acknowledgement that it waits for. */
const ASK_AGAIN_MS = 50;
/** A worker that leaves waits no longer for a master that has gone: by then it has given the session up, or is another one. */
const AWAY_MS = 2_000;
/** And this long if it owes nothing but its goodbye: a master that stops as well may be gone before its last word has come. */
const BLIP_MS = 200;

export interface WorkerStateOptions {
  readonly name: string;
  readonly functions: readonly string[];
  readonly slots: number;
  readonly maxParked: number;
  /** What it offers, by kind. Absent: nothing. */
  readonly resources?: Readonly<Record<string, unknown>> | undefined;
}

export class WorkerState {
  readonly #peer: Peer;
  readonly #workload: Workload;
  readonly #consumer = new Consumer();
  readonly #timers = new Timers();
  #life: Life = 'serving';
  #startedAtMs = 0;
  #heardAtMs = 0;
  #deadlineAtMs = Infinity;
  #wakeAtMs = Infinity;
  /** Since when the master is away, or has our hello. */
  #lostAtMs = 0;
  /** The master has said that it closes: it takes nothing more. */
  #closing = false;
  /** The last batch of reports that somebody waits for: it has to be heard before it leaves. Infinity: the one that is written now. */
  #owedUpTo = 0;
  /** A hello was sent while the session stood: no part is begun, and no goodbye said, before its welcome. */
  #unsure = false;
  /** Parts came by PUSH while no session stood (a welcome goes another way, and may come later): they were dropped. */
  #missed = false;

  constructor(options: WorkerStateOptions) {
    const { name, functions, slots, resources } = options;
    this.#peer = new Peer({ role: 'worker', name, functions, slots, fields: () => toFields({ resources: this.#offer(resources) }) });
    this.#workload = new Workload({ slots: options.slots, maxParked: options.maxParked, drafts: this.#peer.reports });
  }

  /** What it offers now: its walltime counts down. */
  #offer(resources: WorkerStateOptions['resources']): WorkerStateOptions['resources'] {
    const walltime = resources?.['walltime'];
    if (typeof walltime !== 'number') return resources;
    return { ...resources, walltime: Math.max(0.001, walltime - (this.#heardAtMs - this.#startedAtMs) / 1_000) };
  }

  handle(event: WorkerEvent): WorkerInstruction[] {
    const out: WorkerInstruction[] = [];
    if (this.#life === 'gone') return out;
    if (isConsumerEvent(event)) this.#consumer.handle(event, out);
    else {
      this.#hear(event.now, event.type === 'ran' ? event.blockedMs : 0, out);
      this.#dispatch(event, out);
      this.#alarm(out);
    }
    return out;
  }

  #dispatch(event: Exclude<WorkerEvent, ConsumerEvent>, out: WorkerInstruction[]): void {
    switch (event.type) {
      case 'start':
        this.#startedAtMs = event.now;
        this.#timers.set('notice', event.now + NOTICE_AFTER_MS);
        return;
      case 'connected':
        this.#peer.greet(out);
        this.#lostAtMs = event.now;
        this.#closing = false;
        return;
      case 'disconnected':
        return this.#disconnected(event.now, out);
      case 'welcome':
        return this.#welcomed(event.welcome, event.now, out);
      case 'resync':
        return this.#peer.resync(out);
      case 'refused':
        return this.#refused(event.refused, out);
      case 'rejected':
        // Bytes at random may look like another version; from who has welcomed us they are no more than that.
        if (event.version === undefined || this.#peer.state === 'joined') out.push({ type: 'reject', reason: event.reason });
        else this.#refused({ type: 'refused', code: 'version', text: event.reason }, out);
        return;
      case 'batch':
        return this.#batch(event.envelope, event.records, event.bytes, out);
      case 'reportsConnected':
        return this.#peer.reportsConnected(out);
      case 'pullLost':
        this.#workload.accept();
        if (this.#peer.welcome !== undefined) this.#peer.reports.add({ kind: 'pullLost' });
        return;
      case 'ran':
        return this.#workload.ran(event);
      case 'lost':
        return this.#workload.lost(event, out);
      case 'turn':
        return this.#workload.turn(this.#peer.state === 'joined' && !this.#unsure && this.#life === 'serving', out);
      case 'flush':
        return this.#flush(event.now, out);
      case 'wake':
        for (const name of this.#timers.due(event.now)) this.#due(name, event.now, out);
        return;
      case 'stop':
        return this.#stop(event.deadlineAtMs);
      default:
        event satisfies never;
    }
  }

  /** Looks whether more time has passed than a session outlives in silence. What our own functions took is not counted. */
  #hear(now: number, blockedMs: number, out: WorkerInstruction[]): void {
    const silenceMs = now - this.#heardAtMs - blockedMs;
    this.#heardAtMs = now;
    if (silenceMs <= JUMP_MS || this.#peer.state !== 'joined' || this.#unsure) return;
    this.#unsure = true;
    this.#peer.greet(out);
  }

  #disconnected(now: number, out: WorkerInstruction[]): void {
    if (this.#peer.state === 'joined') {
      out.push({ type: 'lost' });
      this.#lostAtMs = now;
    }
    this.#peer.disconnected();
    for (const name of ['pulse', 'heartbeat']) this.#timers.clear(name);
    this.#unsure = false;
    this.#timers.ensure('notice', now + NOTICE_AFTER_MS);
  }

  #welcomed(welcome: Welcome, now: number, out: WorkerInstruction[]): void {
    const how = this.#peer.welcomed(welcome, out);
    if (how === undefined) return;
    this.#unsure = false;
    this.#timers.clear('notice');
    this.#timers.set('pulse', now + PULSE_MS);
    if (welcome.heartbeatMs > 0) this.#timers.set('heartbeat', now + welcome.heartbeatMs);
    if (how === 'anew') this.#workload.forgetAll(out);
    if (this.#missed) this.#peer.reports.add({ kind: 'pullLost' });
    this.#missed = false;
    if (how !== 'resumed') {
      this.#consumer.restate(out);
      this.#owedUpTo = 0;
      if (this.#life !== 'serving') this.#peer.reports.add({ kind: 'leaving' });
    }
    out.push({ type: 'welcomed', welcome, how });
  }

  #refused(refused: Refused, out: WorkerInstruction[]): void {
    this.#peer.refused(refused);
    this.#closing = true;
    if (this.#peer.state !== 'ended') return;
    this.#end('refuse', out);
    out.push({ type: 'refused', refused });
  }

  #batch(envelope: Envelope, records: readonly WireRecord[], bytes: number, out: WorkerInstruction[]): void {
    const pushed = envelope.lane === 'push';
    const fresh = pushed ? this.#peer.ofThisEpoch(envelope) : envelope.lane === 'control' && this.#peer.receive(envelope, bytes, out);
    if (fresh) for (const record of records) this.#receive(record, pushed, out);
    else {
      this.#drop(records);
      this.#missed ||= pushed;
    }
  }

  #receive(record: WireRecord, pushed: boolean, out: WorkerInstruction[]): void {
    if (record.kind === 'parts') this.#workload.take(record, pushed, this.#life !== 'serving', out);
    else if (pushed) this.#reject(record, out);
    else if (record.kind === 'revoke') this.#workload.revoke(record.keys);
    else if (record.kind === 'abort') this.#workload.abort(record.keys, out);
    else if (record.kind === 'grant') this.#workload.grant(record, out);
    else if (isConsumerRecord(record)) this.#consumer.receive(record, out);
    else this.#reject(record, out);
  }

  #reject(record: WireRecord, out: WorkerInstruction[]): void {
    this.#drop([record]);
    out.push({ type: 'reject', reason: `a worker takes no '${record.kind}'` });
  }

  #drop(records: readonly WireRecord[]): void {
    for (const record of records) this.#workload.spend(slotsOf(record));
  }

  #flush(now: number, out: WorkerInstruction[]): void {
    this.#workload.conclude();
    if (this.#peer.welcome !== undefined) this.#consumer.write(this.#peer.control);
    const told = this.#workload.takeTold();
    if (told) this.#owedUpTo = Infinity;
    const stops = this.#life !== 'serving' && this.#departs(now, out);
    this.#peer.flush(out);
    if (told) this.#owedUpTo = this.#peer.reported;
    this.#workload.release(out);
    if (!stops) return;
    this.#end('part', out);
    this.#peer.end();
    out.push({ type: 'stopped' });
  }

  #stop(deadlineAtMs: number): void {
    this.#deadlineAtMs = Math.min(this.#deadlineAtMs, deadlineAtMs);
    this.#timers.set('deadline', this.#deadlineAtMs);
    if (this.#life !== 'serving') return;
    this.#move('stop');
    // A master that is away, and to which nothing is owed, need not be told.
    const owes = this.#workload.open > 0 || !this.#peer.reports.empty || this.#peer.owes(this.#owedUpTo);
    if (this.#peer.welcome === undefined || (this.#peer.state !== 'joined' && !owes)) return;
    this.#workload.returnQueued();
    this.#peer.reports.add({ kind: 'leaving' });
  }

  /** Whether this flush is the last: all is done and acknowledged, or there is no time or nobody left to do it for. */
  #departs(now: number, out: WorkerInstruction[]): boolean {
    const { greeted } = this.#peer;
    if (this.#peer.welcome === undefined && !greeted) return true;
    const late = now >= this.#deadlineAtMs;
    if (late) this.#workload.stopAll('the worker stops', out);
    if (this.#life === 'draining' && this.#workload.open === 0) this.#move('drained');
    // A hello that is under way must not come behind the goodbye, nor be the last that is heard: it would begin another session.
    const parting = this.#life === 'parting';
    const away = parting && (this.#peer.state !== 'joined' || this.#closing);
    const awayMs = this.#peer.owes(this.#owedUpTo) || greeted ? AWAY_MS : BLIP_MS;
    const said = parting && !greeted && this.#peer.kept === 0 && this.#peer.reports.empty && this.#peer.control.empty;
    if (late || said || (away && (this.#closing || now - this.#lostAtMs >= awayMs))) {
      if (this.#peer.state === 'joined') this.#peer.reports.add({ kind: 'goodbye' });
      return true;
    }
    // Acknowledgements ride on what the master has to say, which may be nothing: a hello is always answered.
    if (away) this.#timers.set('away', this.#lostAtMs + awayMs);
    else if (parting && !greeted) this.#timers.ensure('ask', now + ASK_AGAIN_MS);
    return false;
  }

  #end(move: LifeMove, out: WorkerInstruction[]): void {
    if (this.#workload.open > 0) this.#workload.stopAll('the worker stops', out);
    this.#consumer.close(out);
    this.#move(move);
  }

  #move(move: LifeMove): void {
    this.#life = moved(LIFE_MOVES, 'worker', this.#life, move);
  }

  /** Says when to wake, if that has changed. */
  #alarm(out: WorkerInstruction[]): void {
    const atMs = this.#life === 'gone' ? Infinity : this.#timers.next();
    if (atMs === this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    out.push({ type: 'wakeAt', atMs });
  }

  #due(name: string, now: number, out: WorkerInstruction[]): void {
    if (name === 'notice' && this.#life === 'serving') out.push({ type: 'waiting' });
    else if (name === 'pulse') this.#timers.set('pulse', now + PULSE_MS);
    else if (name === 'heartbeat') {
      this.#peer.heartbeat(out);
      this.#timers.set('heartbeat', now + (this.#peer.welcome?.heartbeatMs ?? PULSE_MS));
    } else if (name === 'ask' && this.#peer.state === 'joined') {
      this.#unsure = true;
      this.#peer.greet(out);
    }
    // The deadline itself is looked at by the flush that follows.
  }
}
