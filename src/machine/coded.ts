/**
 * A literal transition table for states that stand in a column, one for each of thousands of things: states and moves are small integers
 * there, and a move is one look into an array. (The table itself stays the text that it is; this only numbers it.)
 */

const ILLEGAL = -1;

/** The states and moves of a table, by number. */
export class Coded<S extends string, M extends string> {
  readonly state: Readonly<Record<S, number>>;
  readonly move: Readonly<Record<M, number>>;
  readonly #what: string;
  readonly #states: readonly S[];
  readonly #moves: readonly M[];
  readonly #next: Int8Array;

  constructor(what: string, table: Readonly<Record<S, Readonly<Partial<Record<M, S>>>>>) {
    const states = Object.keys(table) as S[];
    const rows = Object.values<Readonly<Partial<Record<M, S>>>>(table);
    const moves = [...new Set(rows.flatMap((row) => Object.keys(row) as M[]))];
    this.#what = what;
    this.#states = states;
    this.#moves = moves;
    this.state = numbered(states);
    this.move = numbered(moves);
    this.#next = new Int8Array(states.length * moves.length).fill(ILLEGAL);
    rows.forEach((row, from) => {
      moves.forEach((move, at) => {
        const to = row[move];
        if (to !== undefined) this.#next[from * moves.length + at] = this.state[to];
      });
    });
  }

  /** The state that a move leads to; an illegal one throws. */
  next(state: number, move: number): number {
    const next = this.#next[state * this.#moves.length + move] as number;
    if (next === ILLEGAL) throw new Error(`assertion: ${this.#what} cannot '${this.#moves[move]}' while '${this.#states[state]}'`);
    return next;
  }
}

function numbered<N extends string>(names: readonly N[]): Record<N, number> {
  return Object.fromEntries(names.map((name, number) => [name, number])) as Record<N, number>;
}
