/**
 * Resource-aware scheduling: a part that asks for resources is placed where they are free, and has them alone while it runs. One that
 * asks for nothing takes a slot, as with leastLoaded().
 */
import { checkInteger, checkOptions, shown } from '../common/check.ts';
import { BUILTIN } from '../resources/builtin.ts';
import { GuardedKind } from '../resources/guarded.ts';
import type { Kind, Kinds } from '../resources/kind.ts';
import { Allocations, type Placement } from './allocations.ts';
import { LeastLoaded } from './least_loaded.ts';
import type { Allocator, Policy, PolicyChoice, PolicyWorker } from './policy.ts';

/** What can be said of the policy. */
export interface GrainOptions {
  /**
   * Which worker gets a part where several have room: the one that will have least left (`best-fit`, the default: large requests find
   * room), the one that came first (`first-fit`), or the one that has most left (`spread`).
   */
  readonly placement?: Placement | undefined;
  /**
   * How long the first of equal requests waits, in milliseconds, until a worker is promised to it: what comes free there is kept for
   * it, and other jobs run there only if their walltimes say that they do not delay it. Four requests at a time have such a promise.
   * Default: 5 s.
   */
  readonly reserveAfterMs?: number | undefined;
  /** Kinds of resources beyond the built-in ones, by name. */
  readonly kinds?: Readonly<Record<string, Kind>> | undefined;
}

class Grain extends LeastLoaded implements Policy {
  readonly #allocations: Allocations;

  constructor(kinds: Kinds, placement: Placement, reserveAfterMs: number) {
    super();
    this.#allocations = new Allocations(kinds, placement, reserveAfterMs);
  }

  get allocator(): Allocator {
    return this.#allocations;
  }

  override join(worker: PolicyWorker): string | undefined {
    return this.#allocations.join(worker) ?? super.join(worker);
  }

  override leave(worker: number): void {
    this.#allocations.leave(worker);
    super.leave(worker);
  }
}

const PLACEMENTS: readonly unknown[] = ['best-fit', 'first-fit', 'spread'] satisfies Placement[];
const OPTIONS: readonly string[] = ['placement', 'reserveAfterMs', 'kinds'];
const RESERVE_AFTER_MS = 5_000;
const FUNCTIONS = ['request', 'offer', 'take', 'giveBack', 'show'] as const;

/**
 * Places parts by what they ask for: cores, memory, walltime, tokens, and kinds of the user's own.
 * @throws TypeError or RangeError that names the option, what was expected and the value seen
 */
export function grain(options: GrainOptions = {}): PolicyChoice {
  checkOptions('grain', options, OPTIONS);
  const { placement = 'best-fit', kinds = {} } = options;
  if (kinds === null || typeof kinds !== 'object' || Array.isArray(kinds))
    throw new TypeError(`grain: kinds: expected an object of kinds by name, got ${shown(kinds)}`);
  if (!PLACEMENTS.includes(placement)) throw new RangeError(`grain: placement: expected ${PLACEMENTS.join(', ')}, got ${shown(placement)}`);
  const reserveAfterMs = checkInteger('grain: reserveAfterMs', options.reserveAfterMs, RESERVE_AFTER_MS, 0);
  for (const [name, kind] of Object.entries(kinds)) {
    if (BUILTIN.has(name) || name === 'softWalltime') throw new RangeError(`grain: kinds: '${name}' is built in`);
    for (const called of FUNCTIONS)
      if (typeof kind?.[called] !== 'function')
        throw new TypeError(`grain: kinds.${name}.${called}: expected a function, got ${shown(kind?.[called])}`);
  }
  const guarded = (): [string, Kind][] => Object.entries(kinds).map(([name, kind]) => [name, new GuardedKind(name, kind)]);
  return { name: 'grain', create: () => new Grain(new Map([...BUILTIN, ...guarded()]), placement, reserveAfterMs) };
}
