// @ts-check
/** Keeps so many jobs under way and no more. */
export class Flight {
  #limit;
  #flying = 0;
  /** @type {(() => void) | undefined} */
  #go;

  /** @param {number} limit */
  constructor(limit) {
    this.#limit = limit;
  }

  /** Before a job is sent. @returns {Promise<void> | undefined} */
  start() {
    this.#flying += 1;
    if (this.#flying <= this.#limit) return undefined;
    return new Promise((resolve) => {
      this.#go = resolve;
    });
  }

  /** A result has come. */
  land() {
    this.#flying -= 1;
    this.#go?.();
    this.#go = undefined;
  }
}
