/** Who is there: hello, loss, return, goodbye; and which batches are taken. The peer's side is protocol/peer.ts. */
import type { Hello, Refusal } from '../protocol/greetings.ts';
import { type Envelope, NO_ID, slotsOf, type WireRecord } from '../protocol/messages.ts';
import { type Inbox, moved, SESSION_MOVES } from '../protocol/session.ts';
import { newSession, newWorker, type Session } from './books.ts';
import { onCall } from './calling.ts';
import { cancelStream } from './closing.ts';
import type { Core } from './core.ts';
import { requeuePushed } from './placing.ts';
import { serve } from './queueing.ts';
import { onCancel, onCredit, onEnd, onJobs, onOpen } from './streams.ts';
import { dropWorker, onAccepted, onHungry, onOutcomes, onReturned, suspectWorker } from './workers.ts';

/** Characters of a reason, at most: it may be a user's. */
const MAX_REFUSAL = 4_096;

export function onHello(core: Core, connection: number, hello: Hello, token: string): void {
  core.asked.delete(connection);
  if (hello.epoch !== NO_ID && hello.epoch !== core.config.epoch) core.reunites = true;
  const known = core.sessions.get(hello.session);
  const here = core.byConnection.get(connection);
  // A worker's reports go over a connection of their own: what they acknowledge may be heard before a hello that was said earlier.
  const seen = Math.max(hello.seen, known?.out.acknowledged ?? 0);
  if (known !== undefined && hello.epoch === core.config.epoch && hello.token === known.token && known.out.plausible(seen)) {
    if (here !== undefined && here !== known) disconnect(core, here);
    return resume(core, known, connection, seen);
  }
  // Said twice before it was answered: the welcome is on its way.
  if (here !== undefined && here.begunBy === claimOf(hello)) return;
  // Who names it without its token cannot say again what it has said, but lives.
  if (here !== undefined) endSession(core, here, hello.session === here.number && hello.token === NO_ID ? 'left' : 'lost');
  if (core.stopping) return refuse(core, connection, 'closing', `master ${core.config.name} is closing`);
  begin(core, connection, hello, token);
}

/** The session that a peer would go on with. */
function claimOf({ epoch, session, token }: Hello): string {
  return `${epoch}:${session}:${token}`;
}

function refuse(core: Core, connection: number, code: Refusal, text: string): void {
  core.out.push({ type: 'post', connection, greeting: { type: 'refused', code, text: text.slice(0, MAX_REFUSAL) } });
}

function begin(core: Core, connection: number, hello: Hello, token: string): void {
  core.lastSession += 1;
  const session = newSession(core.lastSession, token, hello, claimOf(hello), core.now);
  if (hello.role === 'worker') {
    const reason =
      hello.functions.length === 0 || hello.slots === 0 ? 'a worker needs a function and a slot' : join(core, session.number, hello);
    if (reason !== undefined) return refuse(core, connection, 'functions', reason);
    session.worker = newWorker(session.number, hello.functions, hello.slots, core.now);
    core.workers.set(session.number, session.worker);
    core.slots += session.worker.slots;
  }
  core.sessions.set(session.number, session);
  attach(core, session, connection);
  welcome(core, session, false);
  if (session.role === 'instance')
    return void core.out.push({ type: 'instance', session: session.number, name: session.name, fields: session.fields });
  if (session.worker === undefined) {
    core.out.push({ type: 'news', name: 'clientJoined', what: { name: hello.name } });
    return;
  }
  core.dirty(session.worker);
  core.out.push({ type: 'news', name: 'workerJoined', what: { name: hello.name, functions: hello.functions, slots: hello.slots } });
  serve(core, hello.functions);
}

function join({ policy, now }: Core, worker: number, { functions, slots, fields }: Hello): string | undefined {
  const resources = fields.find(([field]) => field === 'resources')?.[1];
  return policy.join({ worker, functions, slots, resources, nowMs: now });
}

function attach(core: Core, session: Session, connection: number): void {
  if (session.connection >= 0) {
    core.byConnection.delete(session.connection);
    if (session.connection !== connection) session.formerly = session.connection;
  }
  session.connection = connection;
  session.state = moved(SESSION_MOVES, 'session', session.state, 'welcome');
  session.heardAtMs = core.now;
  core.byConnection.set(connection, session);
  core.timers.clear(`grace:${session.number}`);
}

function welcome(core: Core, session: Session, resumed: boolean): void {
  const { config } = core;
  const push = session.worker !== undefined && core.policy.distribution === 'push';
  core.out.push({
    type: 'post',
    connection: session.connection,
    greeting: {
      type: 'welcome',
      master: config.name,
      epoch: config.epoch,
      session: session.number,
      token: session.token,
      seen: session.controlIn.seen,
      reportsSeen: session.reportsIn.seen,
      resumed,
      pushAt: push ? config.pushAt : '',
      pullAt: session.worker === undefined ? '' : config.pullAt,
      heartbeatMs: config.heartbeatMs,
      maxMessageBytes: config.maxMessageBytes,
      fields: [],
    },
  });
}

/** The peer is back: both sides go on from where the other has read. */
function resume(core: Core, session: Session, connection: number, seen: number): void {
  attach(core, session, connection);
  acknowledge(core, session, seen);
  welcome(core, session, true);
  // While it was away it was not told what was read.
  core.owing.add(session);
  if (session.out.kept > 0) core.out.push({ type: 'resend', session: session.number, connection, from: session.out.acknowledged + 1 });
  if (session.worker !== undefined) core.dirty(session.worker);
}

function acknowledge(core: Core, session: Session, seq: number): void {
  if (session.out.acknowledge(seq)) core.out.push({ type: 'forget', session: session.number, upTo: seq });
}

/** A notice: the connection is gone. The peer may come back. */
export function onLost(core: Core, connection: number): void {
  core.asked.delete(connection);
  const session = core.byConnection.get(connection);
  if (session !== undefined) return disconnect(core, session);
  for (const one of core.sessions.values()) if (one.formerly === connection) one.formerly = -1;
}

function disconnect(core: Core, session: Session): void {
  core.byConnection.delete(session.connection);
  session.connection = -1;
  session.state = moved(SESSION_MOVES, 'session', session.state, 'lose');
  const grace = session.role !== 'client' || core.stopping ? core.config.workerGraceMs : core.config.clientGraceMs;
  core.timers.set(`grace:${session.number}`, core.now + grace);
  if (session.worker !== undefined) suspectWorker(core, session.worker);
  // Hellos of two connections may be read in the wrong order: the one that stands may be that which was read first.
  ask(core, session.formerly);
  session.formerly = -1;
}

/** The session is over: a worker's parts go elsewhere, a consumer's streams are cancelled. */
export function endSession(core: Core, session: Session, reason: 'left' | 'lost'): void {
  session.state = moved(SESSION_MOVES, 'session', session.state, 'end');
  if (session.connection >= 0) core.byConnection.delete(session.connection);
  session.connection = -1;
  core.timers.clear(`grace:${session.number}`);
  core.timers.clear(`revoke:${session.number}`);
  for (const stream of session.streams.values()) cancelStream(core, stream);
  if (session.role === 'instance') core.out.push({ type: 'instance', session: session.number, name: session.name, fields: undefined });
  else if (session.worker === undefined) core.out.push({ type: 'news', name: 'clientLeft', what: { name: session.name, reason } });
  else dropWorker(core, session, reason);
  core.releaseAll(session.spent);
  session.spent = [];
  core.sessions.delete(session.number);
  core.touched.delete(session);
  core.owing.delete(session);
  core.out.push({ type: 'drop', session: session.number });
}

/** Sends a peer away for good. */
export function dismiss(core: Core, number: number, text: string): void {
  const session = core.sessions.get(number);
  if (session === undefined) return;
  if (session.connection >= 0) refuse(core, session.connection, 'functions', text);
  endSession(core, session, 'left');
}

function discard(core: Core, records: readonly WireRecord[]): void {
  for (const record of records) core.releaseAll(slotsOf(record));
}

/** Asks who speaks, and how far it has read; once until there is a hello. */
function ask(core: Core, connection: number): void {
  if (connection < 0 || core.asked.has(connection)) return;
  core.asked.add(connection);
  core.out.push({ type: 'post', connection, greeting: { type: 'resync' } });
}

/**
 * Whether a worker that can be told is not told yet that all it said was read. Before the master parts with it, it is, by a batch with a
 * number, for whose arrival the master waits: any other may be lost as the socket closes, and the worker would wait for its master in vain.
 */
export function isOwed(session: Session): boolean {
  return session.connection >= 0 && session.worker !== undefined && session.reportsIn.owed + session.controlIn.owed > 0;
}

/** Whether there is something that the peer has not read yet, or not said that it has. */
export function isReading(session: Session): boolean {
  return !session.drafts.empty || session.out.kept > 0 || isOwed(session);
}

/** What the peer has not read yet is on its way, or the peer is asked whether it has. */
export function awaitReading(core: Core, session: Session): void {
  if (session.drafts.empty && !isOwed(session)) ask(core, session.connection);
}

function ofSession(core: Core, session: Session, envelope: Envelope): boolean {
  return envelope.epoch === core.config.epoch && envelope.session === session.number && envelope.token === session.token;
}

/** A batch over the ROUTER. */
export function onBatch(core: Core, connection: number, envelope: Envelope, records: readonly WireRecord[], bytes: number): void {
  const session = core.byConnection.get(connection);
  if (session === undefined || envelope.lane !== 'control' || !ofSession(core, session, envelope)) {
    discard(core, records);
    core.out.push({ type: 'reject', peer: session?.name ?? `connection ${connection}`, reason: 'a batch of no session' });
    return ask(core, connection);
  }
  receive(core, session, session.controlIn, envelope, records, bytes);
}

/** A worker's batch over PULL. */
export function onReport(core: Core, envelope: Envelope, records: readonly WireRecord[], bytes: number): void {
  const session = core.sessions.get(envelope.session);
  if (session?.worker === undefined || envelope.lane !== 'reports' || !ofSession(core, session, envelope)) {
    discard(core, records);
    core.out.push({ type: 'reject', peer: session?.name ?? 'a worker', reason: 'a report of no session' });
    return;
  }
  receive(core, session, session.reportsIn, envelope, records, bytes);
}

function receive(core: Core, session: Session, lane: Inbox, envelope: Envelope, records: readonly WireRecord[], bytes: number): void {
  session.heardAtMs = core.now;
  acknowledge(core, session, envelope.ack);
  if (envelope.seq === 0) return discard(core, records);
  const verdict = lane.receive(envelope.seq);
  if (verdict !== 'fresh') {
    discard(core, records);
    if (verdict === 'gap') ask(core, session.connection);
    return;
  }
  session.owedBytes += bytes;
  core.owing.add(session);
  for (const record of records) {
    if (session.state === 'ended') discard(core, [record]);
    else dispatch(core, session, record);
  }
}

function dispatch(core: Core, session: Session, record: WireRecord): void {
  const { worker } = session;
  switch (record.kind) {
    case 'open':
      return onOpen(core, session, record);
    case 'jobs':
      return onJobs(core, session, record);
    case 'end':
      return onEnd(core, session, record);
    case 'credit':
      return onCredit(core, session, record);
    case 'cancel':
      return onCancel(core, session, record);
    case 'call':
      return onCall(core, session, record);
    case 'goodbye':
      return endSession(core, session, 'left');
    default:
  }
  if (worker === undefined) return unexpected(core, session, record);
  switch (record.kind) {
    case 'outcomes':
      return onOutcomes(core, worker, record);
    case 'accepted':
      return onAccepted(core, worker, record.keys, record.attempts);
    case 'returned':
      return onReturned(core, worker, record.keys, record.attempts);
    case 'hungry':
      return onHungry(core, worker, record.keys, record.bytes);
    case 'lent':
      worker.lent = record.count;
      return core.dirty(worker);
    case 'leaving':
      worker.leaving = true;
      return core.dirty(worker);
    case 'pullLost':
      return requeuePushed(core);
    default:
      return unexpected(core, session, record);
  }
}

function unexpected(core: Core, session: Session, record: WireRecord): void {
  discard(core, [record]);
  core.out.push({ type: 'reject', peer: session.name, reason: `a ${session.role} does not send '${record.kind}'` });
}
