/** What a master tells of itself when asked. */
import type { Core } from './core.ts';

export interface MasterStatus {
  /** The master's name, and the random number of its present life. */
  master: string;
  epoch: string;
  policy: string;
  workers: {
    name: string;
    functions: readonly string[];
    slots: number;
    lent: number;
    running: number;
    /** Of these: functions that go on although nobody waits for them any more (a time-out, a cancelled job). Each holds its slot. */
    abandoned: number;
    state: string;
    meanMicros: number;
    ended: number;
  }[];
  clients: { name: string; streams: number; state: string }[];
  /** `queued`: parts that wait for a worker or for credit; `placed`: parts that workers have. */
  streams: { id: string; client: string; jobs: number; ended: number; open: number; waitingForCredit: number }[];
  queued: number;
  placed: number;
  cache: { entries: number; bytes: number; maxBytes: number; evicted: number };
  /** Messages that were not taken, by reason. */
  rejected: Record<string, number>;
}

/** The part of the status that the state machine knows. */
export function statusOf(core: Core): Omit<MasterStatus, 'cache' | 'rejected'> {
  let placed = 0;
  const workers = [...core.workers.values()].map((worker) => {
    const session = core.sessions.get(worker.session);
    const running = worker.placed.size + worker.ghosts.size;
    placed += worker.placed.size;
    const { functions, slots, lent, ended } = worker;
    const state = worker.leaving ? 'leaving' : (session?.state ?? 'ended');
    return {
      name: session?.name ?? '',
      functions,
      slots,
      lent,
      running,
      abandoned: worker.ghosts.size,
      state,
      meanMicros: Math.round(worker.service.meanMicros),
      ended,
    };
  });
  const clients = [...core.sessions.values()]
    .filter((session) => session.worker === undefined)
    .map(({ name, streams, state }) => ({ name, streams: streams.size, state }));
  const streams = [...core.streams.values()].map((stream) => {
    const { id, jobs, ended } = stream;
    return { id, client: stream.session.name, jobs, ended, open: stream.parts.size, waitingForCredit: stream.hungry.size };
  });
  return {
    master: core.config.name,
    epoch: core.config.epoch,
    policy: core.config.policy.name,
    workers,
    clients,
    streams,
    queued: core.parts.open - placed,
    placed,
  };
}
