/**
 * A process with an event loop: what comes in waits in inboxes, one for each source, until a turn of the loop reads it. Within an inbox
 * the order holds; between inboxes any order may happen. A process can be killed, frozen, blocked and slowed.
 */
import type { Kernel } from './kernel.ts';

/** What came from one source and was not read yet. */
export class Inbox {
  #items: (() => void)[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(act: () => void): void {
    this.#items.push(act);
  }

  shift(): (() => void) | undefined {
    const act = this.#items[this.#head];
    this.#head += 1;
    if (this.#head >= this.#items.length) {
      this.#items = [];
      this.#head = 0;
    }
    return act;
  }
}

/** A turn of an event loop takes so long. */
const TURN_MS = 0.01;

export abstract class Host {
  readonly name: string;
  readonly kernel: Kernel;
  /** What the process tells itself: timers, and ends of user code. */
  readonly own: Inbox = new Inbox();
  /** What an I/O thread or a turn of the loop costs beyond the usual. */
  slownessMs = 0;
  #ready: Inbox[] = [];
  #scheduled = false;
  #busyUntilMs = 0;
  #frozen = false;
  #gone = false;
  #wakeUp = 0;

  constructor(kernel: Kernel, name: string) {
    this.kernel = kernel;
    this.name = name;
  }

  /** The process has ended, one way or another. */
  get gone(): boolean {
    return this.#gone;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Something waits to be read. */
  post(inbox: Inbox, act: () => void): void {
    if (this.#gone) return;
    if (inbox.size === 0) this.#ready.push(inbox);
    inbox.push(act);
    this.#schedule();
  }

  /** After so long the loop reads this, in its turn. */
  later(ms: number, act: () => void): void {
    this.kernel.after(ms, () => this.post(this.own, act));
  }

  /** Asks for a turn even if nothing comes in. */
  wantsTurn(): void {
    this.#schedule();
  }

  /** Wakes at this time; the last one asked for holds. */
  wakeAt(atMs: number, act: () => void): void {
    this.#wakeUp += 1;
    const number = this.#wakeUp;
    if (atMs === Infinity) return;
    this.kernel.at(atMs, () => this.post(this.own, () => number === this.#wakeUp && act()));
  }

  /** User code keeps the loop for itself. */
  block(ms: number): void {
    this.#busyUntilMs = Math.max(this.#busyUntilMs, this.kernel.nowMs + ms);
  }

  get blocked(): boolean {
    return this.kernel.nowMs < this.#busyUntilMs;
  }

  freeze(ms: number): void {
    if (this.#frozen) return;
    this.#frozen = true;
    this.kernel.after(ms, () => {
      this.#frozen = false;
      this.thawed();
      this.#schedule();
    });
  }

  /** The process is no more: whatever it had is gone. */
  vanish(): void {
    this.#gone = true;
    this.#ready = [];
  }

  protected thawed(): void {
    // Nobody need care.
  }

  /** Ends what the last turn left when the loop was blocked. */
  protected goOn(): void {
    // Most leave nothing.
  }

  /** All of this turn has been read: what came one by one is told together. */
  protected gather(): void {
    // Most have nothing to gather.
  }

  /** The end of a turn: what was decided goes out. */
  protected abstract endTurn(): void;

  #schedule(): void {
    if (this.#scheduled || this.#gone || this.#frozen) return;
    this.#scheduled = true;
    const { nowMs } = this.kernel;
    this.kernel.at(Math.max(nowMs + TURN_MS + this.slownessMs, this.#busyUntilMs), () => this.#turn());
  }

  #turn(): void {
    if (this.#gone || this.#frozen || this.blocked) {
      this.#scheduled = false;
      return this.#schedule();
    }
    this.goOn();
    const { chaotic, random } = this.kernel;
    let left = chaotic ? 1 + random.int(random.chance(0.5) ? 3 : 12) : Infinity;
    while (this.#ready.length > 0 && left > 0 && !this.#gone) {
      const at = chaotic && this.#ready.length > 1 ? random.int(this.#ready.length) : 0;
      const inbox = this.#ready[at] as Inbox;
      const act = inbox.shift();
      if (inbox.size === 0) this.#ready.splice(at, 1);
      act?.();
      left -= 1;
    }
    this.gather();
    this.#scheduled = false;
    if (this.#gone) return;
    this.endTurn();
    if (this.#ready.length > 0) this.#schedule();
  }
}
