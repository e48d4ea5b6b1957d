/** A set-up that was entered, and can be left once: a generator that yields once. */
import { shown } from '../common/check.ts';

export class Setup<T> {
  readonly value: T;
  readonly #what: string;
  readonly #steps: AsyncGenerator<unknown, unknown, void>;
  #left: Promise<void> | undefined;

  private constructor(what: string, steps: AsyncGenerator<unknown, unknown, void>, value: T) {
    this.#what = what;
    this.#steps = steps;
    this.value = value;
  }

  /**
   * Runs a generator to its yield.
   * @param what names it in errors
   * @param read checks what it yields; if that throws, the set-up is left again
   */
  static async enter<T>(what: string, begin: () => AsyncGenerator<unknown, unknown, void>, read: (value: unknown) => T): Promise<Setup<T>> {
    const steps = begin();
    if (typeof (steps as Partial<typeof steps> | undefined)?.next !== 'function')
      throw new TypeError(`${what}: expected an async generator, got ${shown(steps)}`);
    const { done, value } = await steps.next();
    if (done === true) throw new TypeError(`${what}: expected it to yield once, but it ended without a yield`);
    try {
      return new Setup(what, steps, read(value));
    } catch (error) {
      await new Setup(what, steps, value).leave();
      throw error;
    }
  }

  /** Runs the clean-up; once, however often it is called. */
  leave(): Promise<void> {
    this.#left ??= this.#leave();
    return this.#left;
  }

  async #leave(): Promise<void> {
    const { done } = await this.#steps.next();
    if (done === true) return;
    await this.#steps.return(undefined);
    throw new TypeError(`${this.#what}: expected it to yield once, but it yielded again`);
  }
}
