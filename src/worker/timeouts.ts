/**
 * Attempts that may take only so long. `timeoutMs` leaves out what a part waits for its consumer's credit; a walltime does not, since
 * what the part was given is its own all the while. At its soft walltime a function is only told.
 */
import { now } from '../common/clock.ts';
import type { Task } from './task.ts';

/** How often a part whose time would be over is looked at while it waits for credit. */
const LOOK_MS = 100;

export class Timeouts {
  readonly #overdue: (task: Task, limit: string) => void;
  readonly #timers = new Map<Task, Set<NodeJS.Timeout>>();

  /** @param overdue told of an attempt that took too long, and of the limit in words */
  constructor(overdue: (task: Task, limit: string) => void) {
    this.#overdue = overdue;
  }

  /** The function of a task has begun. */
  begin(task: Task): void {
    if (task.untimed) return;
    const { timeoutMs, walltime } = task;
    const begunMs = now();
    if (timeoutMs > 0) this.#set(task, timeoutMs, () => this.#timedOut(task, timeoutMs, begunMs));
    if (walltime === undefined) return;
    const { hardMs, softMs } = walltime;
    if (softMs < hardMs) this.#set(task, softMs, () => task.warn(`its softWalltime, ${softMs / 1_000} s, is over`));
    this.#set(task, hardMs, () => this.#late(task, `its walltime, ${hardMs / 1_000} s`));
  }

  /** It has ended. */
  end(task: Task): void {
    if (this.#timers.size === 0) return;
    for (const timer of this.#timers.get(task) ?? []) clearTimeout(timer);
    this.#timers.delete(task);
  }

  #timedOut(task: Task, ms: number, begunMs: number): void {
    if (task.over || task.dropped) return;
    const nowMs = now();
    const leftMs = ms - (nowMs - begunMs - task.parkedMs(nowMs));
    // A timer may come a little early. While a part waits, its time stands still: it is looked at again now and then.
    if (leftMs < 1 && !task.parked) this.#late(task, `its timeoutMs, ${ms}`);
    else this.#set(task, Math.max(leftMs, task.parked ? Math.min(ms, LOOK_MS) : 0), () => this.#timedOut(task, ms, begunMs));
  }

  #late(task: Task, limit: string): void {
    if (!task.over && !task.dropped) this.#overdue(task, limit);
  }

  #set(task: Task, ms: number, act: () => void): void {
    let timers = this.#timers.get(task);
    if (timers === undefined) this.#timers.set(task, (timers = new Set()));
    const timer = setTimeout(() => {
      timers.delete(timer);
      act();
    }, ms);
    timers.add(timer);
  }
}
