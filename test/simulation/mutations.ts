/** Bugs to plant, one at a time: those that the field knows, and those that the simulator found in these very machines. */
import type { Mutation } from './mutating.ts';

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'a lost acknowledgement',
    file: 'src/protocol/session.ts',
    from: 'this.#told = this.#seen;',
    to: 'this.#told = this.#seen; return 0;',
  },
  {
    name: 'a requeue without dedupe: the master takes what it has had',
    file: 'src/master/workers.ts',
    from: '(flags & ENTRY.result) !== 0 && index === expected;',
    to: '(flags & ENTRY.result) !== 0;',
  },
  {
    name: 'a requeue without dedupe: a worker takes what it has',
    file: 'src/worker/workload.ts',
    from: 'const here = this.#stillWanted(key);',
    to: 'const here = -1;',
  },
  {
    name: 'a credit never returned by the master',
    file: 'src/master/placing.ts',
    from: 'returnGrant(core, stream, row);',
    to: '',
  },
  {
    name: 'a credit never returned by the consumer',
    file: 'src/streams/stream.ts',
    from: 'this.#results.buffer(-results);',
    to: '',
  },
  {
    name: 'a result of an old epoch taken by the master',
    file: 'src/master/sessions.ts',
    from: 'return envelope.epoch === core.config.epoch && envelope.session === session.number && envelope.token === session.token;',
    to: 'return envelope.session === session.number;',
  },
  {
    name: 'a result of an old epoch reported by a worker',
    file: 'src/worker/workload.ts',
    from: "this.#stop(running, 'the master that gave this job is gone', out);",
    to: 'return;',
  },
  {
    name: 'a goodbye that overtakes results',
    file: 'src/worker/state.ts',
    from: 'const said = parting && !this.#unsure && this.#peer.kept === 0 && this.#peer.reports.empty && this.#peer.control.empty;',
    to: "const said = parting && !this.#unsure; if (said && this.#peer.state === 'joined') { this.#peer.control.add({ kind: 'goodbye' }); return true; }",
  },
  {
    name: 'a hello read before the notice of the old connection, which then is taken for one of the new',
    file: 'src/master/sessions.ts',
    from: 'const session = core.byConnection.get(connection);\n    if (session !== undefined)\n        disconnect',
    to: 'const session = core.byConnection.get(connection) ?? [...core.sessions.values()].find((one) => one.connection > connection);\n    if (session !== undefined)\n        disconnect',
  },
  {
    name: 'only one connection cut: that of the reports, and nothing is sent again',
    file: 'src/protocol/peer.ts',
    from: "if (this.#state === 'joined' && this.#out.reports.kept > 0)",
    to: 'if (this.#out.reports.kept < 0)',
  },
  {
    name: 'only one connection cut: that of PUSH, and nobody says so',
    file: 'src/master/state.ts',
    from: 'return requeuePushed(core);',
    to: 'return;',
  },
  {
    name: 'a merging gather delivered in halves',
    file: 'src/protocol/drafts.ts',
    from: '(!whole && draft.items > 0 && (draft.bytes + bytes > DRAFT_BYTES || draft.items >= DRAFT_ITEMS))',
    to: '(draft.items > 0 && (draft.bytes + bytes > DRAFT_BYTES || draft.items >= 2))',
  },
  {
    name: 'a notice taken for death',
    file: 'src/master/sessions.ts',
    from: 'core.now + grace);',
    to: 'core.now);',
  },
  {
    name: 'an abort that does not reach what is not begun',
    file: 'src/worker/workload.ts',
    from: "else if (parts.state[local] === 'queued')\n                queued.push(local);\n            else if (parts.state[local] !== 'aborting')\n                begun.push(local);",
    to: "else if (parts.state[local] !== 'aborting' && parts.state[local] !== 'queued')\n                begun.push(local);",
  },
  {
    name: 'parts of a cancelled stream that are given away',
    file: 'src/master/closing.ts',
    from: 'while (stream.parts.head >= 0)',
    to: 'while (stream.parts.head >= 0 && core.parts.state[stream.parts.head] !== "queued")',
  },
  {
    name: 'a lane too many',
    file: 'src/worker/workload.ts',
    from: 'let free = this.#slots - parts.held;',
    to: 'let free = this.#slots + 1 - parts.held;',
  },
  {
    name: 'a job let go before it has ended',
    file: 'src/streams/stream.ts',
    from: 'const { lowest, bytes } = this.#jobs.unsend();',
    to: 'const { lowest, bytes } = { lowest: this.#jobs.next, bytes: 0 };',
  },
  {
    name: 'found here: a hello that is older than an acknowledgement over another connection',
    file: 'src/master/sessions.ts',
    from: 'Math.max(hello.seen, known?.out.acknowledged ?? 0);',
    to: 'hello.seen;',
  },
  {
    name: 'found here: an answer to an old abort taken for the newest attempt',
    file: 'src/master/workers.ts',
    from: 'if (isHere && !parts.isOutdated(row, worker.session, attempts[i]))',
    to: 'if (isHere)',
  },
  {
    name: 'found here: parts by PUSH that overtake a welcome',
    file: 'src/worker/state.ts',
    from: 'this.#missed ||= pushed;',
    to: '',
  },
  {
    name: 'found here: parts that are not begun keep the credit that others wait for',
    file: 'src/master/taking_back.ts',
    from: 'if (stream.hungry.size > 0)',
    to: 'if (stream.hungry.size < 0)',
  },
  {
    name: 'found here: the oldest part of an ordered stream stands behind others',
    file: 'src/master/queueing.ts',
    from: 'if (queue.stream.ordered && head >= 0 && waitsIn(core, queue, head))',
    to: 'if (head === -2)',
  },
  {
    name: 'found here: a part that runs alone waits for one that it called',
    file: 'src/master/placing.ts',
    from: 'return session.streams.size === 0 ?',
    to: 'return session.streams.size >= 0 ?',
  },
];
