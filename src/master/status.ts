/** What a master tells of itself when asked. */
import { unpackValue } from '../protocol/fields.ts';
import type { MasterStatus } from '../protocol/status.ts';
import type { Core } from './core.ts';
import { explain } from './explaining.ts';

export type { MasterStatus };

/** Why jobs wait, in a sentence. */
export function sentence({ function: name, parts, why }: Pick<MasterStatus['waiting'][number], 'function' | 'parts' | 'why'>): string {
  return `${name}: ${parts} ${parts === 1 ? 'job waits' : 'jobs wait'}: ${why}`;
}

/** The part of the status that the state machine knows. */
export function statusOf(core: Core): Omit<MasterStatus, 'cache' | 'rejected'> {
  let placed = 0;
  const workers = [...core.workers.values()].map((worker) => {
    const session = core.sessions.get(worker.session);
    const allocated = worker.allocated.size;
    const running = worker.placed.size - worker.placedOwn + worker.ghosts.size + allocated;
    placed += worker.placed.size;
    const { functions, slots, lent, ended } = worker;
    const state = worker.leaving ? 'leaving' : (session?.state ?? 'ended');
    return {
      name: session?.name ?? '',
      functions,
      slots,
      lent,
      running,
      abandoned: worker.ghosts.size + allocated - worker.placedOwn,
      allocated,
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
  const waiting = [...core.shapeIds.values()].filter((shape) => shape.waiting > 0);
  return {
    master: core.config.name,
    epoch: core.config.epoch,
    policy: core.config.policy.name,
    workers,
    clients,
    streams,
    waiting: waiting.map((shape) => ({
      function: shape.function,
      resources: shape.resources === undefined ? {} : unpackValue(shape.resources),
      parts: shape.waiting,
      why: explain(core, shape),
    })),
    queued: core.parts.open - placed,
    placed,
  };
}
