/** What goes wrong in a world, and when. */
import type { Random } from './random.ts';

/**
 * cut: one connection of a worker or client breaks, at any message. partition: nothing arrives, one way or both. crash: kill -9
 * (`silent`: with its machine), and another comes. die: of a master, and none comes. freeze: SIGSTOP and SIGCONT. block: the event loop stands. slow: every turn takes
 * long. stop: ends in order, and another comes. join: one more worker. stranger: somebody who is no worker of ours fetches parts.
 */
export type FaultKind = 'cut' | 'partition' | 'crash' | 'freeze' | 'block' | 'slow' | 'stop' | 'join' | 'stranger' | 'die';
export type FaultRole = 'worker' | 'client' | 'master';

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly role: FaultRole;
  /** Which of them, by index. */
  readonly which: number;
  /** How long it lasts, or until another process comes in the place of this one. */
  readonly ms: number;
  readonly plug: 'dealer' | 'reports' | 'parts';
  readonly direction: 'up' | 'down' | 'both';
  /** The other side is not told at once. */
  readonly silent: boolean;
}

export interface FaultSpec {
  /** How many there are, and in which time from the start. */
  readonly count: number;
  readonly withinMs: number;
  /** Default: all kinds that the world allows. */
  readonly kinds?: readonly FaultKind[] | undefined;
}

const OF_ROLE: Readonly<Record<FaultRole, readonly FaultKind[]>> = {
  worker: ['cut', 'cut', 'cut', 'partition', 'crash', 'freeze', 'block', 'slow', 'stop', 'join'],
  client: ['cut', 'partition', 'crash', 'freeze', 'block', 'slow'],
  master: ['crash', 'crash', 'stop', 'freeze', 'block', 'slow', 'stranger'],
};

const FAULT_KINDS: readonly FaultKind[] = ['cut', 'partition', 'crash', 'freeze', 'block', 'slow', 'stop', 'join', 'stranger'];

/** Draws faults; the same numbers give the same faults. */
export function drawFaults(random: Random, spec: FaultSpec, workers: number, clients: number): Fault[] {
  const faults: Fault[] = [];
  const kinds = spec.kinds ?? FAULT_KINDS;
  for (let i = 0; i < spec.count; i += 1) {
    const role = random.pick<FaultRole>(['worker', 'worker', 'worker', 'worker', 'client', 'master']);
    const possible = OF_ROLE[role].filter((kind) => kinds.includes(kind));
    const kind = possible.length === 0 ? undefined : random.pick(possible);
    const which = random.int(role === 'worker' ? workers : role === 'client' ? clients : 1);
    const about = {
      atMs: random.between(0, spec.withinMs),
      ms: random.chance(0.5) ? random.between(1, 300) : random.between(300, 5_000),
      plug: role === 'worker' ? random.pick(['dealer', 'reports', 'parts'] as const) : 'dealer',
      direction: random.pick(['up', 'down', 'both'] as const),
      silent: random.chance(0.3),
    } as const;
    if (kind !== undefined) faults.push({ kind, role, which, ...about });
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

export function describe({ kind, role, which, ms, plug, direction, silent }: Fault): string {
  const whom = role === 'master' ? 'the master' : `${role} ${which}`;
  const more = kind === 'cut' ? ` ${plug}` : kind === 'partition' ? ` ${direction}` : '';
  return `fault: ${kind}${more} of ${whom}, ${Math.round(ms)} ms${silent ? ', silent' : ''}`;
}
