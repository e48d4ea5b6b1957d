/**
 * A kind of resource: how it is offered, asked for, taken and given back. All functions are pure and never change what they are given.
 * The built-in kinds are in builtin.ts; users register their own by name: `grain({ kinds: { licences: myKind } })`.
 *
 * Laws, for every pool and request (the tests of the built-in kinds hold them to these; hold yours to them, too):
 * - `giveBack(pool', share)` equals `pool`, in any order of shares, where `take(pool, request)` gave `{ pool: pool', share }`.
 * - What is taken at the same time never exceeds what `offer` read.
 * - `take` gives what was asked for, or undefined; never less.
 */
export interface Kind<Request = unknown, Pool = unknown, Share = unknown> {
  /**
   * Reads what a job asks for. The value is plain data, as it came over the wire.
   * @throws TypeError or RangeError that begins with `what` and says what was expected and what was seen
   */
  request(value: unknown, what: string): Request;
  /** Reads what a worker offers: its pool while nothing is taken. @throws like `request` */
  offer(value: unknown, what: string, nowMs: number): Pool;
  /** The pool of a worker that does not mention this kind; absent: it has none, and no request fits. */
  readonly unoffered?: Pool;
  /** Takes what is asked for; undefined: it does not fit now. */
  take(pool: Pool, request: Request, nowMs: number): { readonly pool: Pool; readonly share: Share } | undefined;
  /** The pool with a share back in it. */
  giveBack(pool: Pool, share: Share): Pool;
  /** What the job's function sees of its share in `job.resources`: plain data. */
  show(share: Share): unknown;
  /** How much is left, as a number; placement compares it between workers. Absent: it makes no difference. */
  left?(pool: Pool, nowMs: number): number;
  /** An amount in words, for `explain`: '3 cores', 'token gpu'. Absent: the name and the value. */
  words?(request: Request): string;
  /** What a pool has, in words, for `explain`: 'token gpu'. Absent, or undefined: the name and `left`, or nothing without that. */
  has?(pool: Pool, nowMs: number): string | undefined;
}

export type Kinds = ReadonlyMap<string, Kind>;
