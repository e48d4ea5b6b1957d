/**
 * The jobs that a worker holds, in memory that it shares with the thread of its renewer: the thread looks there when it is time, and is not
 * woken for every job. A row that is being written counts as free: its job has begun only now.
 */

/** Of one row: its state, which is 0 while it is free or being written, else its generation and how many bytes follow; then `ID TOKEN`. */
const HEAD_BYTES = 4;
const ROW_BYTES = 1_024;
const PAGE_ROWS = 64;
const MAX_GENERATION = 2 ** 20;

interface Row {
  readonly state: Int32Array;
  readonly text: Buffer;
}

function rowsOf(page: SharedArrayBuffer): Row[] {
  return Array.from({ length: page.byteLength / ROW_BYTES }, (_, at) => ({
    state: new Int32Array(page, at * ROW_BYTES, 1),
    text: Buffer.from(page, at * ROW_BYTES + HEAD_BYTES, ROW_BYTES - HEAD_BYTES),
  }));
}

/** The worker's side. */
export class HeldJobs {
  readonly #show: (page: SharedArrayBuffer) => void;
  readonly #free: Row[] = [];
  readonly #rows = new Map<string, Row>();
  #generation = 0;

  /** @param show the thread is to look there as well */
  constructor(show: (page: SharedArrayBuffer) => void) {
    this.#show = show;
  }

  /** @param token what the engine knows the lock by; both without spaces, and of less than a row together */
  hold(id: string, token: string): void {
    const row = this.#rows.get(id) ?? this.#free.pop() ?? this.#grown();
    this.#rows.set(id, row);
    Atomics.store(row.state, 0, 0);
    this.#generation = (this.#generation + 1) % MAX_GENERATION;
    Atomics.store(row.state, 0, this.#generation * ROW_BYTES + row.text.write(`${id} ${token}`));
  }

  drop(id: string): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    Atomics.store(row.state, 0, 0);
    this.#rows.delete(id);
    this.#free.push(row);
  }

  /** A free row of a new page. */
  #grown(): Row {
    const page = new SharedArrayBuffer(PAGE_ROWS * ROW_BYTES);
    this.#show(page);
    const [row, ...free] = rowsOf(page) as [Row, ...Row[]];
    this.#free.push(...free);
    return row;
  }
}

/** The thread's side. */
export class SeenJobs {
  readonly #rows: Row[] = [];

  add(page: SharedArrayBuffer): void {
    this.#rows.push(...rowsOf(page));
  }

  /** Ids and tokens. One that changes while it is read is left out: it was given up, or has begun only now. */
  *all(): Generator<readonly [id: string, token: string]> {
    for (const { state, text } of this.#rows) {
      const before = Atomics.load(state, 0);
      const [id = '', token = ''] = text.toString('utf8', 0, before % ROW_BYTES).split(' ');
      if (before !== 0 && Atomics.load(state, 0) === before) yield [id, token];
    }
  }
}
