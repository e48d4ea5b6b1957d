/** Who carries out instructions about a stream: what the user iterates, or a call. */
import type { DeliverInstruction, DroppedEvent, PulledEvent } from './events.ts';

export interface Receiver {
  pull(jobs: number, bytes: number): readonly (PulledEvent | DroppedEvent)[];
  deliver(entries: DeliverInstruction): void;
  ended(early: boolean): void;
  failed(): void;
  /** The payload of this job cannot be sent any more: it ends behind what has come. */
  lost(job: number): void;
  /** Ends it with an error, now. */
  fail(error: unknown): void;
}
