/** What goes wrong with an engine. Each reason is said once, whichever job it is of, until the engine answers again. */

/** Reasons that are remembered so as not to be said again. */
const MAX_REASONS = 100;
/** Words of a reason that differ from job to job: the id of one, and what has digits. */
const ID = /(?<=\bjob )[\w-]+|[\w:-]*\d[\w:-]*/g;
/** So much of a reason is enough to know it again. */
const KNOWN_BY = 500;

export class Troubles {
  readonly #where: string;
  readonly #warn: (text: string) => void;
  readonly #said = new Set<string>();
  #last: string | undefined;
  #closed = false;

  /** @param where what is said before each: the engine's host */
  constructor(where: string, warn: (text: string) => void) {
    this.#where = where;
    this.#warn = warn;
  }

  /** The last one, whether or not it was said. */
  get last(): string | undefined {
    return this.#last;
  }

  hear(error: Error): void {
    if (this.#closed) return;
    const text = textOf(error);
    this.#last = `${this.#where}: ${text}`;
    const reason = text.slice(0, KNOWN_BY).replaceAll(ID, '');
    if (this.#said.has(reason) || this.#said.size >= MAX_REASONS) return;
    this.#said.add(reason);
    this.#warn(this.#last);
  }

  /** The engine answers again. */
  over(): void {
    this.#said.clear();
  }

  /** Nothing is said from now on. */
  close(): void {
    this.#closed = true;
  }
}

/** Where a host has several addresses, Node puts an error for each into one that says nothing. */
function textOf(error: Error): string {
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return error.message || first?.message || error.name;
}
