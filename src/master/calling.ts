/** Calls to the cache and for the status: taken, handed to the shell, answered. The peer's side is streams/calls.ts. */
import { MAX_CALLS, type CallRecord, type Reply } from '../protocol/call_records.ts';
import type { Session } from './books.ts';
import type { Core } from './core.ts';

export function onCall(core: Core, session: Session, record: CallRecord): void {
  session.unansweredCalls += 1;
  if (session.unansweredCalls > MAX_CALLS) {
    core.release(record.slot);
    return onReply(core, session.number, {
      id: record.id,
      outcome: 'refused',
      text: `more than ${MAX_CALLS} calls are unanswered`,
      slot: -1,
      length: 0,
    });
  }
  const { id, operation, key, slot } = record;
  const { maxMessageBytes } = core.config;
  if (record.length > maxMessageBytes) {
    core.release(slot);
    const text = `the value has ${record.length} bytes, over the master's maxMessageBytes (${maxMessageBytes})`;
    return onReply(core, session.number, { id, outcome: 'refused', text, slot: -1, length: 0 });
  }
  core.out.push({ type: 'call', session: session.number, id, operation, key, slot });
}

/** A call was carried out: its answer goes out with the next batch. */
export function onReply(
  core: Core,
  number: number,
  reply: { id: number; outcome: Reply; text: string; slot: number; length: number },
): void {
  const session = core.sessions.get(number);
  if (session === undefined) return core.release(reply.slot);
  session.unansweredCalls -= 1;
  session.drafts.add({ kind: 'reply', ...reply }, reply.length);
  if (reply.slot >= 0) session.spent.push(reply.slot);
  core.touched.add(session);
}
