/**
 * What makes a conversation survive its connections.
 *
 * A lane is one direction of one conversation. Its sender numbers batches from 1 and keeps each until it is acknowledged; its receiver
 * takes them in order, drops what it has had, and takes nothing behind a gap. A client has one lane each way (control); a worker has a
 * second one up (reports), since its results go over a socket of their own.
 *
 * After a reconnection each side tells how far it has read, and the other sends again from there. If the master is another one, or has
 * given the session up, both begin anew at 1, and the state machines above say again what they still want.
 */

export type SessionState = 'greeting' | 'joined' | 'suspect' | 'ended';
export type SessionMove = 'welcome' | 'lose' | 'end';

/** Legal moves of a session, the same for both sides. */
export const SESSION_MOVES = {
  greeting: { welcome: 'joined', lose: 'greeting', end: 'ended' },
  joined: { welcome: 'joined', lose: 'suspect', end: 'ended' },
  suspect: { welcome: 'joined', lose: 'suspect', end: 'ended' },
  ended: {},
} as const satisfies Record<SessionState, Partial<Record<SessionMove, SessionState>>>;

/** A literal transition table: from each state, which moves lead where. */
type Table = Readonly<Record<string, Readonly<Partial<Record<string, string>>>>>;
type StateOf<T extends Table> = keyof T & string;
type MoveOf<T extends Table> = { [S in keyof T]: keyof T[S] & string }[keyof T];

/** Looks a move up in a transition table; an illegal one throws and leaves the state as it was. */
export function moved<const T extends Table>(table: T, what: string, state: StateOf<T>, move: MoveOf<T>): StateOf<T> {
  const next = table[state]?.[move];
  if (next === undefined) throw new Error(`assertion: ${what} cannot '${move}' while '${state}'`);
  return next;
}

/** The sending side of a lane. It knows numbers only: the batches themselves are kept by who sends them. */
export class Outbox {
  #last = 0;
  #acknowledged = 0;

  /** The number of the batch that is sent now. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }

  /** How many batches are kept. */
  get kept(): number {
    return this.#last - this.#acknowledged;
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Takes an acknowledgement; returns whether it is news. One for what was never sent is no news. */
  acknowledge(seq: number): boolean {
    if (seq <= this.#acknowledged || seq > this.#last) return false;
    this.#acknowledged = seq;
    return true;
  }

  /** Whether the other side's word on how far it has read can be true: else it speaks of another session. */
  plausible(seen: number): boolean {
    return seen >= this.#acknowledged && seen <= this.#last;
  }

  reset(): void {
    this.#last = 0;
    this.#acknowledged = 0;
  }
}

/** The receiving side of a lane. */
export class Inbox {
  #seen = 0;
  #told = 0;

  get seen(): number {
    return this.#seen;
  }

  /** How many batches came since the last acknowledgement went out. */
  get owed(): number {
    return this.#seen - this.#told;
  }

  /** `fresh`: handle it. `duplicate`: drop it. `gap`: drop it and ask for a resync. */
  receive(seq: number): 'fresh' | 'duplicate' | 'gap' {
    if (seq <= this.#seen) return 'duplicate';
    if (seq > this.#seen + 1) return 'gap';
    this.#seen = seq;
    return 'fresh';
  }

  /** The acknowledgement to send now. */
  tell(): number {
    this.#told = this.#seen;
    return this.#seen;
  }

  reset(): void {
    this.#seen = 0;
    this.#told = 0;
  }
}

/** Batches owed before an acknowledgement goes out with nothing to ride on. */
export const ACK_EVERY = 8;
/** Bytes owed before it does. */
export const ACK_BYTES = 4_194_304;
