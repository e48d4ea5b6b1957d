/** Where the jobs of a stream are: what is told to those who ask for a job that they submitted. Pure. */
import type { Core } from './core.ts';
import { PART } from './parts.ts';

export interface Whereabouts {
  /** `running`: a worker has a part of it; `deferred`: it waits for its next attempt; `queued`: it waits for a worker. */
  readonly status: 'queued' | 'running' | 'deferred';
  /** The most attempts that any open part has had. */
  readonly attempts: number;
}

/** @param id the stream's public name */
export function whereabouts(core: Core, id: string): Whereabouts {
  const { parts, delayed } = core;
  let status: Whereabouts['status'] = 'queued';
  let attempts = 0;
  for (const stream of core.streams.values()) {
    if (stream.id !== id) continue;
    for (let row = stream.parts.head; row >= 0; row = parts.ofStream.next[row] as number) {
      attempts = Math.max(attempts, parts.attempt[row] as number);
      if (parts.state[row] === PART.placed) status = 'running';
      else if (status === 'queued' && delayed.has(parts.key[row] as number)) status = 'deferred';
    }
  }
  return { status, attempts };
}
