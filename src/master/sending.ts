/** The end of a tick: what was decided becomes batches. */
import type { Envelope } from '../protocol/messages.ts';
import { ACK_BYTES, ACK_EVERY } from '../protocol/session.ts';
import type { Session, Stream } from './books.ts';
import type { Core } from './core.ts';
import { feedHungry } from './credit.ts';
import { deliverWhole, finishIfDone, refill } from './delivering.ts';
import { makeWay } from './making_way.ts';
import { place } from './placing.ts';
import { forgetShapes } from './shapes.ts';
import { relist } from './queueing.ts';
import { advanceScatter } from './scattering.ts';
import { feedGather } from './settling.ts';
import { watchPushes } from './silence.ts';
import { watchBacklog } from './taking_back.ts';
import { isOwed } from './sessions.ts';
import { letGo } from './undialling.ts';

export function flush(core: Core): void {
  settle(core);
  place(core);
  makeWay(core);
  settle(core);
  watchBacklog(core);
  watchPushes(core);
  for (let session = core.touched.take(); session !== undefined; session = core.touched.take()) send(core, session);
  for (let session = core.owing.take(); session !== undefined; session = core.owing.take()) acknowledgeAlone(core, session);
  if (core.undialling.size > 0) letGo(core);
  forgetShapes(core);
}

/** Looks after each stream that changed, until none does. */
function settle(core: Core): void {
  for (let stream = core.changed.take(); stream !== undefined; stream = core.changed.take()) {
    if (!core.streams.has(stream.number)) continue;
    if (core.config.scatter) advanceScatter(core, stream);
    if (core.config.gather) {
      feedGather(core, stream);
      deliverWhole(core, stream);
    }
    if (finishIfDone(core, stream)) continue;
    if (stream.hungry.size > 0) grant(core, stream);
    relist(core, stream);
    refill(core, stream);
  }
}

/** Tells workers of credit for parts that waited for it. */
function grant(core: Core, stream: Stream): void {
  for (const { row, results, bytes } of feedHungry(core, stream)) {
    const session = core.sessions.get(core.parts.worker[row] as number);
    if (session === undefined) continue;
    session.drafts.add({ kind: 'grant', keys: [core.parts.key[row] as number], results: [results], bytes: [bytes] });
    core.touched.add(session);
  }
}

function envelope(core: Core, session: Session, seq: number): Envelope {
  session.owedBytes = 0;
  return {
    lane: 'control',
    epoch: core.config.epoch,
    session: session.number,
    token: session.token,
    seq,
    ack: session.controlIn.tell(),
    reportsAck: session.reportsIn.tell(),
  };
}

function send(core: Core, session: Session): void {
  if (session.drafts.empty) return;
  for (const records of session.drafts.take()) {
    core.out.push({
      type: 'send',
      session: session.number,
      connection: session.connection,
      envelope: envelope(core, session, session.out.next()),
      records,
    });
  }
  core.releaseAll(session.spent);
  session.spent = [];
}

/** An acknowledgement with nothing to ride on goes alone when many are owed, or when the peer is about to leave. */
function acknowledgeAlone(core: Core, session: Session): void {
  const owed = session.controlIn.owed + session.reportsIn.owed;
  const due = owed >= ACK_EVERY || session.owedBytes >= ACK_BYTES || (owed > 0 && (session.worker?.leaving === true || core.stopping));
  if (!due || session.connection < 0) return;
  const isLast = core.stopping || core.undialling.has(session.number);
  const seq = isLast && isOwed(session) ? session.out.next() : 0;
  core.out.push({
    type: 'send',
    session: session.number,
    connection: session.connection,
    envelope: envelope(core, session, seq),
    records: [],
  });
}
