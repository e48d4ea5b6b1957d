/** A typed emitter. A listener that throws is reported as an uncaught exception of the user's, and disturbs nobody else. */

/** `M`: names of events, and what a listener is given. */
export class Emitter<M extends object> {
  readonly #listeners = new Map<keyof M, Set<(what: never) => void>>();

  /** Listens to an event. Returns a function that stops listening. */
  on<K extends keyof M>(name: K, listener: (what: M[K]) => void): () => void {
    if (typeof listener !== 'function') throw new TypeError(`events.on: expected a function for '${String(name)}', got ${typeof listener}`);
    let set = this.#listeners.get(name);
    if (set === undefined) this.#listeners.set(name, (set = new Set()));
    set.add(listener);
    return () => this.off(name, listener);
  }

  off<K extends keyof M>(name: K, listener: (what: M[K]) => void): void {
    this.#listeners.get(name)?.delete(listener);
  }

  /** Waits for the next event of a name. */
  once<K extends keyof M>(name: K): Promise<M[K]> {
    return new Promise((resolve) => {
      const stop = this.on(name, (what) => {
        stop();
        resolve(what);
      });
    });
  }

  emit<K extends keyof M>(name: K, what: M[K]): void {
    const set = this.#listeners.get(name);
    // Who begins to listen meanwhile hears the next event; who stops hears no more.
    for (const listener of Array.from(set ?? [])) {
      if (set?.has(listener) !== true) continue;
      try {
        (listener as (what: M[K]) => void)(what);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
