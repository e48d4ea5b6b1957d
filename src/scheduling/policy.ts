/**
 * A policy says which worker gets the next parts. It is pure and sees numbers: who is there, what each serves, how much room each has.
 * The master tells it of every change, asks for leases, and lets parts flow through them.
 *
 * Laws:
 * - `grant` names a worker that joined, serves the shape's function and has room, or answers undefined; it changes nothing else.
 * - The master tells the new room after it has used a lease; a policy keeps no count of its own.
 */

/** What parts need: function and resources together. Parts of one shape are alike to a policy. */
export interface Shape {
  readonly id: number;
  readonly function: string;
  /** The packed resource request, or undefined for none. */
  readonly resources: Uint8Array | undefined;
}

/** A worker as it said hello. */
export interface PolicyWorker {
  /** The number of its session. */
  readonly worker: number;
  readonly functions: readonly string[];
  readonly slots: number;
}

/** What a policy grants: parts of a shape may flow to a worker, so many for now. */
export interface Grant {
  readonly worker: number;
  readonly count: number;
}

export interface Policy {
  /** 'push': parts go by PUSH to whichever worker ZeroMQ picks, as long as that is safe; leases are the way when it is not. */
  readonly distribution: 'lease' | 'push';
  /** A worker came. Returns why it cannot be taken, or undefined. */
  join(worker: PolicyWorker): string | undefined;
  leave(worker: number): void;
  /** How many parts the worker may get now (0 or less: none), and how many of those would run at once: its idle slots. */
  room(worker: number, room: number, idle: number): void;
  /** Who gets parts of this shape, of which `waiting` wait. */
  grant(shape: Shape, waiting: number): Grant | undefined;
  /** How many workers serve a function. */
  serving(name: string): number;
}

/** What a user chooses; each master makes a policy of its own from it, so that two masters share nothing. */
export interface PolicyChoice {
  readonly name: string;
  create(): Policy;
}
