/** The batches that a sender keeps until they are acknowledged, by reference, in the order of their numbers. For the shells. */
import { EMPTY } from './frames.ts';
import type { Lane } from './messages.ts';

export class Kept {
  readonly #arrived: ((frames: Uint8Array[]) => void) | undefined;
  readonly #lanes = new Map<Lane, { first: number; frames: (Uint8Array[] | undefined)[]; head: number }>();

  #torn = false;

  /** @param arrived told of each batch that is acknowledged */
  constructor(arrived?: (frames: Uint8Array[]) => void) {
    this.#arrived = arrived;
  }

  keep(lane: Lane, seq: number, frames: Uint8Array[]): void {
    let kept = this.#lanes.get(lane);
    if (kept === undefined) this.#lanes.set(lane, (kept = { first: seq, frames: [], head: 0 }));
    if (kept.head === kept.frames.length) {
      kept.first = seq;
      kept.frames = [frames];
      kept.head = 0;
    } else kept.frames.push(frames);
  }

  forget(lane: Lane, upTo: number): void {
    const kept = this.#lanes.get(lane);
    if (kept === undefined) return;
    const end = Math.min(upTo - kept.first + 1, kept.frames.length);
    for (; kept.head < end; kept.head += 1) {
      this.#arrived?.(kept.frames[kept.head] as Uint8Array[]);
      kept.frames[kept.head] = undefined;
    }
    if (kept.head > 1024 && kept.head * 2 > kept.frames.length) {
      kept.frames = kept.frames.slice(kept.head);
      kept.first += kept.head;
      kept.head = 0;
    }
  }

  /** What is kept of a lane from `from` on, as it was; undefined if that is lost: memory of a payload was transferred elsewhere meanwhile. */
  again(lane: Lane, from: number): Uint8Array[][] | undefined {
    const batches = this.from(lane, from);
    this.#torn ||= batches.some((frames) => frames.some((frame) => frame.length === 0 && frame !== EMPTY));
    return this.#torn ? undefined : batches;
  }

  /** Not all of it could be sent again: whoever wants to go on must begin anew. */
  get torn(): boolean {
    return this.#torn;
  }

  forgetAll(): void {
    this.#torn = false;
    this.#lanes.clear();
  }

  /** What is kept of a lane from `from` on; everything before is let go. */
  from(lane: Lane, from: number): Uint8Array[][] {
    this.forget(lane, from - 1);
    const kept = this.#lanes.get(lane);
    return kept === undefined ? [] : (kept.frames.slice(kept.head) as Uint8Array[][]);
  }
}
