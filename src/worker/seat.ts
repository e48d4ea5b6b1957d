/**
 * Which master a worker that listens serves: one at a time, who has the seat. Pure.
 *
 * A second one waits, and takes the seat as soon as it is free; if that does not happen soon, it is told why. So the successor of a
 * master that was killed is not turned away only because its connection came before the news of the death. A master that comes back
 * over another connection (its `life` is the same) takes its seat again at once.
 */

/** By then a connection that is dead has been found out. */
const TELL_AFTER_MS = 2_000;
/** Masters that may wait; more are told at once, and forgotten. */
const MAX_WAITING = 64;

export type SeatEvent =
  /** Somebody asks who we are, as a master does that has dialled. `life`: the epoch of the master. */
  | { readonly type: 'asks'; readonly connection: number; readonly life: string; readonly now: number }
  /** A connection is gone. */
  | { readonly type: 'gone'; readonly connection: number; readonly now: number }
  /** The master that has the seat does not want us. */
  | { readonly type: 'declined'; readonly now: number }
  | { readonly type: 'wake'; readonly now: number };

export type SeatInstruction =
  /** The master that had the seat has it no more. */
  | { readonly type: 'vacate' }
  /** This one has it: say hello. Always of an empty seat. */
  | { readonly type: 'seat'; readonly connection: number }
  /** Tell this one that another master is served. */
  | { readonly type: 'refuse'; readonly connection: number }
  /** Wake the machine at this time; Infinity: no need. The last one holds. */
  | { readonly type: 'wakeAt'; readonly atMs: number };

interface Waiting {
  readonly life: string;
  /** When it is told; Infinity: it was. */
  tellAtMs: number;
}

export class Seat {
  /** The connection of who has the seat; -1: nobody. */
  holder = -1;
  #life = '';
  /** By connection, the longest waiting first. */
  readonly #waiting = new Map<number, Waiting>();
  #wakeAtMs = Infinity;

  handle(event: SeatEvent): SeatInstruction[] {
    const out: SeatInstruction[] = [];
    if (event.type === 'asks') this.#asked(event.connection, event.life, event.now, out);
    else if (event.type === 'gone' && event.connection !== this.holder) this.#waiting.delete(event.connection);
    else if (event.type === 'wake') this.#tell(event.now, out);
    else this.#vacate(out);
    this.#alarm(out);
    return out;
  }

  #asked(connection: number, life: string, now: number, out: SeatInstruction[]): void {
    if (connection === this.holder) return;
    if (this.holder < 0) this.#seat(connection, life, out);
    else if (life === this.#life) {
      out.push({ type: 'vacate' });
      this.#seat(connection, life, out);
    } else if (this.#waiting.has(connection)) return;
    else if (this.#waiting.size < MAX_WAITING) this.#waiting.set(connection, { life, tellAtMs: now + TELL_AFTER_MS });
    else out.push({ type: 'refuse', connection });
  }

  #seat(connection: number, life: string, out: SeatInstruction[]): void {
    this.#waiting.delete(connection);
    this.holder = connection;
    this.#life = life;
    out.push({ type: 'seat', connection });
  }

  #vacate(out: SeatInstruction[]): void {
    if (this.holder < 0) return;
    this.holder = -1;
    out.push({ type: 'vacate' });
    const [next] = this.#waiting;
    if (next !== undefined) this.#seat(next[0], next[1].life, out);
  }

  #tell(now: number, out: SeatInstruction[]): void {
    for (const [connection, waiting] of this.#waiting) {
      if (waiting.tellAtMs > now) continue;
      waiting.tellAtMs = Infinity;
      out.push({ type: 'refuse', connection });
    }
  }

  #alarm(out: SeatInstruction[]): void {
    let atMs = Infinity;
    for (const { tellAtMs } of this.#waiting.values()) atMs = Math.min(atMs, tellAtMs);
    if (atMs === this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    out.push({ type: 'wakeAt', atMs });
  }
}
