/** Attempts that may take only so long (`timeoutMs`). Waiting for the consumer's credit does not count. */
import type { Task } from './task.ts';

export class Timeouts {
  readonly #overdue: (task: Task, ms: number) => void;
  readonly #timers = new Map<Task, NodeJS.Timeout>();

  /** @param overdue told of an attempt that took too long */
  constructor(overdue: (task: Task, ms: number) => void) {
    this.#overdue = overdue;
  }

  /** The function of a task has begun. */
  begin(task: Task): void {
    const ms = task.timeoutMs;
    if (ms > 0) this.#set(task, ms);
  }

  /** It has ended. */
  end(task: Task): void {
    if (this.#timers.size === 0) return;
    clearTimeout(this.#timers.get(task));
    this.#timers.delete(task);
  }

  #set(task: Task, ms: number): void {
    const due = (): void => {
      this.#timers.delete(task);
      if (task.over || task.dropped) return;
      if (task.parked) this.#set(task, ms);
      else this.#overdue(task, ms);
    };
    this.#timers.set(task, setTimeout(due, ms));
  }
}
