/**
 * The master's state machine: one door. It takes what happened, changes the books, and answers what is to be done. Decisions are in
 * the files around it; here is which event goes where, and what the clock brings.
 */
import type { Machine } from '../machine/history.ts';
import { NOTICE_AFTER_MS } from '../protocol/limits.ts';
import type { MasterStatus } from '../protocol/status.ts';
import { Core, type MasterConfig } from './core.ts';
import { onReply } from './calling.ts';
import type { MasterEvent } from './events.ts';
import type { MasterInstruction } from './instructions.ts';
import { requeuePushed } from './placing.ts';
import { failUnserved } from './queueing.ts';
import { onGathered, onScattered } from './scattering.ts';
import { retryDue } from './retrying.ts';
import { flush } from './sending.ts';
import { pushesOverdue } from './silence.ts';
import { awaitReading, dismiss, endSession, isReading, onBatch, onHello, onLost, onReport } from './sessions.ts';
import { statusOf } from './status.ts';
import { revokeOverdue, takeBack } from './taking_back.ts';
import { onUndial, undialOverdue } from './undialling.ts';
import { type Whereabouts, whereabouts } from './whereabouts.ts';

export class MasterState implements Machine<MasterEvent, MasterInstruction> {
  readonly #core: Core;

  constructor(config: MasterConfig) {
    this.#core = new Core(config);
    if (config.heartbeatMs > 0) this.#core.timers.set('hearts', config.heartbeatMs);
  }

  get status(): Omit<MasterStatus, 'cache' | 'rejected'> {
    return statusOf(this.#core);
  }

  whereabouts(stream: string): Whereabouts {
    return whereabouts(this.#core, stream);
  }

  handle(event: MasterEvent): MasterInstruction[] {
    const core = this.#core;
    core.out = [];
    if (core.stopped) return this.#afterStop(event);
    if ('now' in event) core.now = event.now;
    if (Number.isNaN(core.bornMs)) core.bornMs = core.now;
    this.#apply(event);
    if (core.stopping && core.streams.size === 0) this.#finish();
    const atMs = core.timers.next();
    if (atMs !== core.wakeAtMs) core.out.push({ type: 'wakeAt', atMs });
    core.wakeAtMs = atMs;
    core.tellReleased();
    return core.out;
  }

  #apply(event: MasterEvent): void {
    const core = this.#core;
    switch (event.type) {
      case 'hello':
        return onHello(core, event.connection, event.hello, event.token);
      case 'batch':
        return onBatch(core, event.connection, event.envelope, event.records, event.bytes);
      case 'report':
        return onReport(core, event.envelope, event.records, event.bytes);
      case 'lost':
        return onLost(core, event.connection);
      case 'pushPeers':
        return this.#pushPeers(event.count, event.strangers);
      case 'pushLost':
        return requeuePushed(core);
      case 'scattered':
        return onScattered(core, event);
      case 'gathered':
        return onGathered(core, event);
      case 'replied':
        return onReply(core, event.session, event);
      case 'dismiss':
        return dismiss(core, event.session, event.text);
      case 'wake':
        // A timer may fire early, and is gone then: it is set anew after every wake.
        core.wakeAtMs = NaN;
        for (const name of core.timers.due(event.now)) this.#wake(name);
        return;
      case 'undial':
        return onUndial(core, event.connection, event.deadlineMs);
      case 'flush':
        return flush(core);
      case 'stop':
        core.stopping = true;
        core.timers.set('stop', event.now + event.deadlineMs);
        return this.#beginStop();
      default:
        return event satisfies never;
    }
  }

  /** After the end, payloads that still come in are let go, and nothing else happens. */
  #afterStop(event: MasterEvent): MasterInstruction[] {
    if (event.type !== 'scattered' && event.type !== 'gathered') return [];
    return [{ type: 'release', slots: [...event.slots, event.error].filter((slot) => slot >= 0) }];
  }

  /** Whoever is gone now is not waited for as long as it might have been. */
  #beginStop(): void {
    const core = this.#core;
    for (const session of core.sessions.values()) {
      core.owing.add(session);
      if (session.connection < 0) core.timers.set(`grace:${session.number}`, core.now + core.config.workerGraceMs);
    }
  }

  /** All streams have ended: the end has come when every peer has read to the end. Those that have not said so are asked. */
  #finish(): void {
    const waiting = [...this.#core.sessions.values()].filter(isReading);
    if (waiting.length === 0) return this.#stop();
    for (const session of waiting) awaitReading(this.#core, session);
  }

  #stop(): void {
    const { out, sessions, config } = this.#core;
    this.#core.stopped = true;
    // Who wants to leave need not wait for an answer any more.
    const greeting = { type: 'refused', code: 'closing', text: `master ${config.name} is closing` } as const;
    for (const { connection } of sessions.values()) if (connection >= 0) out.push({ type: 'post', connection, greeting });
    out.push({ type: 'stopped' });
  }

  #pushPeers(count: number, strangers: number): void {
    const core = this.#core;
    core.pushPeers = count;
    core.pushStrangers = strangers;
    const tooMany = core.policy.distribution === 'push' && count + strangers > core.workers.size;
    if (!tooMany) core.timers.clear('strangers');
    else core.timers.ensure('strangers', core.now + NOTICE_AFTER_MS);
  }

  #sayWhoIsTooMany(): void {
    const { pushPeers, pushStrangers, workers } = this.#core;
    if (pushPeers + pushStrangers <= workers.size) return;
    const text = `${pushPeers + pushStrangers} peers are connected for parts by PUSH, but ${workers.size} workers are welcome: until that changes, parts go to workers by address`;
    this.#core.out.push({ type: 'log', level: 'warn', text });
  }

  #wake(name: string): void {
    const core = this.#core;
    const number = Number(name.slice(name.indexOf(':') + 1));
    if (name === 'stop') return this.#stop();
    if (name === 'settled') return failUnserved(core);
    if (name === 'waiting') return this.#sayWhatWaits();
    if (name === 'strangers') return this.#sayWhoIsTooMany();
    if (name === 'retry') return retryDue(core);
    if (name === 'backlog' || name === 'late') return takeBack(core);
    if (name === 'pushes') return pushesOverdue(core);
    if (name === 'hearts') return this.#listen();
    if (name.startsWith('undial:')) return undialOverdue(core, number);
    if (name.startsWith('revoke:')) return revokeOverdue(core, number);
    const session = core.sessions.get(number);
    if (session !== undefined) endSession(core, session, 'lost');
  }

  /** Says once what jobs wait for, here and to those who sent them. */
  #sayWhatWaits(): void {
    const core = this.#core;
    for (const shape of core.shapeIds.values()) {
      if (shape.waiting === 0 || shape.warned || core.policy.serving(shape.function) > 0) continue;
      shape.warned = true;
      const text = `${shape.waiting} ${shape.waiting === 1 ? 'job waits' : 'jobs wait'}: no worker serves ${shape.function}`;
      core.out.push({ type: 'log', level: 'warn', text });
      for (const stream of core.streams.values()) {
        if (stream.queues.get(shape.id) === undefined) continue;
        stream.session.drafts.add({ kind: 'notice', stream: stream.theirs, text });
        core.touched.add(stream.session);
      }
    }
  }

  /** Where the transport reports no lost peers: who was not heard for three heartbeats is taken for lost. */
  #listen(): void {
    const core = this.#core;
    const limit = core.now - 3 * core.config.heartbeatMs;
    for (const session of core.sessions.values())
      if (session.connection >= 0 && session.heardAtMs < limit) onLost(core, session.connection);
    core.timers.set('hearts', core.now + core.config.heartbeatMs);
  }
}
