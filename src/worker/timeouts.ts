/**
 * Attempts that may take only so long. `timeoutMs` leaves out what a part waits for its consumer's credit; a walltime does not, since
 * what the part was given is its own all the while. At its soft walltime a function is only told.
 */
import type { Task } from './task.ts';

export class Timeouts {
  readonly #overdue: (task: Task, limit: string) => void;
  readonly #timers = new Map<Task, NodeJS.Timeout[]>();

  /** @param overdue told of an attempt that took too long, and of the limit in words */
  constructor(overdue: (task: Task, limit: string) => void) {
    this.#overdue = overdue;
  }

  /** The function of a task has begun. */
  begin(task: Task): void {
    const { timeoutMs, walltime } = task;
    if (timeoutMs > 0) this.#set(task, timeoutMs, () => this.#timedOut(task, timeoutMs));
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

  #timedOut(task: Task, ms: number): void {
    if (task.parked && !task.over && !task.dropped) this.#set(task, ms, () => this.#timedOut(task, ms));
    else this.#late(task, `its timeoutMs, ${ms}`);
  }

  #late(task: Task, limit: string): void {
    if (!task.over && !task.dropped) this.#overdue(task, limit);
  }

  #set(task: Task, ms: number, act: () => void): void {
    const timers = this.#timers.get(task) ?? [];
    this.#timers.set(task, [...timers, setTimeout(act, ms)]);
  }
}
