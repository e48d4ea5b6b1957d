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
  /** The packed offer of resources, or undefined for none. */
  readonly resources?: Uint8Array | undefined;
  readonly nowMs?: number;
}

/** What a policy grants: parts of a shape may flow to a worker, so many for now. */
export interface Grant {
  readonly worker: number;
  readonly count: number;
}

/** What one part at a time has of a worker: parts of one shape flow through it. */
export interface Allocation {
  /** Never used twice by its policy. */
  readonly id: number;
  readonly worker: number;
  /** What it consists of, packed: what the part's function sees. */
  readonly packed: Uint8Array;
}

/**
 * What a policy does that gives resources. Shapes that ask for any go this way, and are not bound by slots.
 *
 * Laws:
 * - What is allocated and not released never exceeds what its worker offered.
 * - An allocation is released once: when its part has ended on that worker, however it ended, or has never been begun there. Those of a
 *   worker that leaves are gone with it.
 */
export interface Allocator {
  /** Why nothing can be made of what this shape asks for, or undefined. Asked when the shape is first seen, or again after it was forgotten. */
  judge(shape: Shape): string | undefined;
  /** No part of this shape is left but those that nobody waits for. Its number may be another's from now on. */
  forget(shape: Shape): void;
  /** Why nothing can be made of it any more, or undefined: a kind that it asks for has failed. */
  broken(shape: Shape): string | undefined;
  /** Whether parts may be placed on this worker now. */
  open(worker: number, isOpen: boolean): void;
  /** Shapes of which parts wait, in the order in which they are to be served. */
  order(shapes: readonly Shape[], nowMs: number): readonly Shape[];
  /** Takes what a part of this shape needs from some worker, or from this one; undefined: nothing fits now. */
  allocate(shape: Shape, nowMs: number, worker?: number): Allocation | undefined;
  release(allocation: number): void;
  /** Whether a worker could take a part of this shape if nothing else ran there; or whether any could. */
  fits(shape: Shape, nowMs: number, worker?: number): boolean;
  /** Why parts of this shape wait. */
  explain(shape: Shape, nowMs: number): Explanation;
}

/** Why parts of a shape wait. Amounts are in words. */
export interface Explanation {
  readonly asks: string;
  /** No worker that is here can ever have it. */
  readonly never: boolean;
  /** Where it would fit best; undefined: no worker serves the function. What is missing there, and what it has of these kinds. */
  readonly best: number | undefined;
  readonly lacks: string;
  readonly has: string;
  /** What runs there. */
  readonly running: readonly string[];
  /** What comes free there is kept for it. */
  readonly promised: boolean;
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
  /** Jobs go to a worker with whatever resources they ask for: somebody else judges that. */
  readonly passesResources?: boolean;
  /** Only with a policy that gives resources. */
  readonly allocator?: Allocator | undefined;
}

/** What a user chooses; each master makes a policy of its own from it, so that two masters share nothing. */
export interface PolicyChoice {
  readonly name: string;
  create(): Policy;
}
