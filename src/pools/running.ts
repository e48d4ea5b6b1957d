/** The jobs that an engine has given to this worker, and how their functions are told that nobody wants them any more. */
const MAX_CANCELLED = 1_024;

export class Running {
  readonly #jobs = new Map<string, AbortController>();
  /** Jobs that were cancelled of late: one of them may just be on its way here. */
  readonly #cancelled = new Set<string>();
  #stopped = false;

  has(id: string): boolean {
    return this.#jobs.has(id);
  }

  get ids(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  /** A job begins. What it is told may be said already. */
  begin(id: string): AbortSignal {
    const controller = new AbortController();
    this.#jobs.set(id, controller);
    if (this.#cancelled.has(id)) cancel(controller);
    if (this.#stopped) stop(controller);
    return controller.signal;
  }

  end(id: string): void {
    this.#jobs.delete(id);
    this.#cancelled.delete(id);
  }

  cancel(id: string): void {
    const controller = this.#jobs.get(id);
    if (controller !== undefined) cancel(controller);
    this.#cancelled.add(id);
    const [oldest] = this.#cancelled;
    if (this.#cancelled.size > MAX_CANCELLED) this.#cancelled.delete(oldest as string);
  }

  isCancelled(id: string): boolean {
    return this.#cancelled.has(id);
  }

  /** The worker stops: all are told, also those that are on their way here. */
  stop(): void {
    this.#stopped = true;
    for (const controller of this.#jobs.values()) stop(controller);
  }
}

function cancel(controller: AbortController): void {
  controller.abort(new Error('the job was cancelled'));
}

function stop(controller: AbortController): void {
  controller.abort(new Error('the worker has stopped'));
}
