/**
 * How turns go: how many parts the next is offered, and whether what came by PUSH may wait for its end instead of being accepted first.
 * Pure.
 */
import type { RanEvent } from './events.ts';
import type { RunInstruction } from './instructions.ts';

/**
 * A run is offered no fewer than this, while so many are queued.
 * @internal
 */
export const MIN_OFFER = 32;
const MAX_OFFER = 2_048;
const QUICK_MS = 2;

export class Turns {
  #offer = MIN_OFFER;
  /** Whether the last turn hardly blocked the event loop, and whether one has come since the last flush. */
  #quick = false;
  #come = false;

  /** Twice as many as the last turn began that could not begin all: what is offered and not begun is handled in vain. */
  get offer(): number {
    return this.#offer;
  }

  begin(): void {
    this.#come = true;
  }

  end(offered: number, begun: number, blockedMs: number): void {
    if (begun > 0) this.#quick = blockedMs < QUICK_MS;
    const offer = Math.max(MIN_OFFER, Math.min(MAX_OFFER, 2 * begun));
    if (offered > 0 && (begun < offered || offer > this.#offer)) this.#offer = offer;
  }

  /** At a flush: whether a turn follows at once in which most of what has come will end. Then its end says that it was here. */
  mayEndFirst(heldLanes: number): boolean {
    const may = this.#quick && !this.#come && heldLanes === 0;
    this.#come = false;
    return may;
  }
}

/** Whether a run began all that was queued, and nothing is left to go on with: then no other turn need follow by itself. */
export function beganAll(
  { locals, ready, free }: Pick<RunInstruction, 'locals' | 'ready' | 'free'>,
  ran: Pick<RanEvent, 'begun' | 'paused'> | undefined,
): boolean {
  return ready.length === 0 && free > 0 && locals.length < MIN_OFFER && ran?.begun === locals.length && !ran.paused;
}
