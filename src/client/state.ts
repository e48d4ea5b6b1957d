/**
 * A client as a state machine: its session (protocol/peer.ts), its streams and calls (streams/), and how long it waits for a master.
 * Pure.
 *
 * Nothing is sent before a `flush`, and nothing is written before the first welcome: what is wanted is kept as state, so it can be
 * said to whichever master comes.
 */
import { Timers } from '../machine/timers.ts';
import type { Fields } from '../protocol/fields.ts';
import { NOTICE_AFTER_MS } from '../protocol/limits.ts';
import { slotsOf, type WireRecord } from '../protocol/messages.ts';
import { Peer } from '../protocol/peer.ts';
import { Consumer } from '../streams/consumer.ts';
import { isConsumerEvent, isConsumerRecord } from '../streams/events.ts';
import type { ClientEvent, ClientInstruction, GivingUp } from './events.ts';

/** A master that is closing is greeted again after this, in case that another takes its place on the same connection. */
const GREET_AGAIN_MS = 1_000;

export interface ClientStateOptions {
  readonly name: string;
  readonly role?: 'instance' | undefined;
  readonly fields?: Fields | undefined;
  /** How long to wait for a master, at the start and after a loss; Infinity: for ever. */
  readonly connectTimeoutMs: number;
  /** Whom it waits for, in words. Default: a master. */
  readonly answerer?: string | undefined;
}

export class ClientState {
  readonly #peer: Peer;
  readonly #consumer = new Consumer();
  readonly #timers = new Timers();
  readonly #connectTimeoutMs: number;
  readonly #answerer: string;
  #wakeAt = Infinity;
  #over = false;

  constructor({ name, role, fields, connectTimeoutMs, answerer = 'master' }: ClientStateOptions) {
    this.#peer = new Peer({ role: role ?? 'client', name, fields: fields === undefined ? undefined : () => fields });
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#answerer = answerer;
  }

  handle(event: ClientEvent): ClientInstruction[] {
    const out: ClientInstruction[] = [];
    if (this.#over) this.#afterwards(event, out);
    else if (isConsumerEvent(event)) this.#consumer.handle(event, out);
    else this.#handle(event, out);
    const next = this.#timers.next();
    // A wake-up is used up even if it came a little early.
    if (next !== this.#wakeAt || event.type === 'wake') {
      this.#wakeAt = next;
      out.push({ type: 'wakeAt', atMs: next });
    }
    return out;
  }

  #handle(
    event: Exclude<ClientEvent, { type: 'begin' | 'pulled' | 'dropped' | 'taken' | 'leave' | 'ask' }>,
    out: ClientInstruction[],
  ): void {
    switch (event.type) {
      case 'start':
        return this.#wait(event.now);
      case 'connected':
        return this.#peer.greet(out);
      case 'disconnected':
        return this.#disconnected(event.now, out);
      case 'welcome':
        return this.#welcome(event, out);
      case 'resync':
        return this.#peer.resync(out);
      case 'refused':
        return this.#refused(event, out);
      case 'batch':
        return this.#batch(event, out);
      case 'rejected':
        return this.#rejected(event, out);
      case 'flush':
        return this.#flush(out);
      case 'wake':
        return this.#wake(event.now, out);
      case 'close':
        return this.#close(out);
    }
  }

  #wait(now: number): void {
    this.#timers.ensure('waiting', now + NOTICE_AFTER_MS);
    if (this.#connectTimeoutMs !== Infinity) this.#timers.ensure('giveUp', now + this.#connectTimeoutMs);
  }

  #disconnected(now: number, out: ClientInstruction[]): void {
    this.#timers.clear('heartbeat');
    this.#timers.clear('greetAgain');
    if (this.#peer.state === 'joined') {
      out.push({ type: 'lost' });
      this.#wait(now);
    }
    this.#peer.disconnected();
  }

  #welcome({ welcome, now }: Extract<ClientEvent, { type: 'welcome' }>, out: ClientInstruction[]): void {
    const how = this.#peer.welcomed(welcome, out);
    if (how === undefined) return;
    for (const name of ['waiting', 'giveUp', 'greetAgain']) this.#timers.clear(name);
    if (welcome.heartbeatMs > 0) this.#timers.set('heartbeat', now + welcome.heartbeatMs);
    if (how !== 'resumed') this.#consumer.restate(out);
    out.push({ type: 'welcomed', master: welcome.master, how, maxMessageBytes: welcome.maxMessageBytes });
  }

  #refused({ refused, now }: Extract<ClientEvent, { type: 'refused' }>, out: ClientInstruction[]): void {
    this.#peer.refused(refused);
    if (refused.code === 'closing') this.#timers.set('greetAgain', now + GREET_AGAIN_MS);
    else this.#giveUp(refused.code === 'version' ? 'version' : 'refused', refused.text, out);
  }

  #batch({ envelope, records, bytes }: Extract<ClientEvent, { type: 'batch' }>, out: ClientInstruction[]): void {
    const fresh = this.#peer.receive(envelope, bytes, out);
    for (const record of records) {
      if (fresh && isConsumerRecord(record)) this.#consumer.receive(record, out);
      else this.#drop(record, fresh, out);
    }
  }

  #drop(record: WireRecord, fresh: boolean, out: ClientInstruction[]): void {
    const slots = slotsOf(record).filter((slot) => slot >= 0);
    if (slots.length > 0) out.push({ type: 'release', slots });
    if (fresh) out.push({ type: 'reject', reason: `a master sends no '${record.kind}' to a client` });
  }

  #rejected({ reason, version }: Extract<ClientEvent, { type: 'rejected' }>, out: ClientInstruction[]): void {
    out.push({ type: 'reject', reason });
    if (version !== undefined && this.#peer.state !== 'joined') this.#giveUp('version', reason, out);
  }

  #flush(out: ClientInstruction[]): void {
    if (this.#peer.welcome === undefined) return;
    this.#consumer.write(this.#peer.control);
    this.#peer.flush(out);
  }

  #wake(now: number, out: ClientInstruction[]): void {
    for (const name of this.#timers.due(now)) {
      if (name === 'waiting') out.push({ type: 'waiting' });
      else if (name === 'greetAgain') this.#peer.greet(out);
      else if (name === 'giveUp') return this.#giveUp('timeout', `no ${this.#answerer} answered within ${this.#connectTimeoutMs} ms`, out);
      else this.#beat(now, out);
    }
  }

  #beat(now: number, out: ClientInstruction[]): void {
    this.#peer.heartbeat(out);
    this.#timers.set('heartbeat', now + (this.#peer.welcome?.heartbeatMs ?? Infinity));
  }

  #giveUp(code: GivingUp, text: string, out: ClientInstruction[]): void {
    this.#consumer.close(out);
    out.push({ type: 'gaveUp', code, text });
    this.#end();
  }

  /** The master is told to stop what is open, and that we go. */
  #close(out: ClientInstruction[]): void {
    this.#consumer.close(out);
    if (this.#peer.state === 'joined') {
      this.#consumer.write(this.#peer.control);
      this.#peer.control.add({ kind: 'goodbye' });
      this.#peer.flush(out);
    }
    out.push({ type: 'closed' });
    this.#end();
  }

  #end(): void {
    this.#over = true;
    this.#peer.end();
    for (const name of ['waiting', 'giveUp', 'greetAgain', 'heartbeat']) this.#timers.clear(name);
  }

  /** What still comes when all is over: only payloads matter. */
  #afterwards(event: ClientEvent, out: ClientInstruction[]): void {
    if (event.type === 'batch') for (const record of event.records) this.#drop(record, false, out);
    const slots = event.type === 'pulled' ? event.slots : event.type === 'ask' && event.slot >= 0 ? [event.slot] : [];
    if (slots.length > 0) out.push({ type: 'release', slots });
  }
}
