import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeastLoaded, leastLoaded } from '../../src/scheduling/least_loaded.ts';
import type { Grant, Policy, PolicyWorker, Shape } from '../../src/scheduling/policy.ts';

function shape(name: string): Shape {
  return { id: 1, function: name, resources: undefined };
}

function policyOf(...workers: readonly [worker: number, functions: readonly string[], room: number][]): LeastLoaded {
  const policy = new LeastLoaded();
  for (const [worker, functions, room] of workers) {
    expect(policy.join({ worker, functions, slots: 1 })).toBeUndefined();
    policy.room(worker, room, 0);
  }
  return policy;
}

/** Looks at every worker, every time. */
class DumbScan {
  readonly workers = new Map<number, { functions: readonly string[]; room: number; idle: number; served: number }>();
  #grants = 0;

  join({ worker, functions }: PolicyWorker): void {
    this.workers.set(worker, { functions, room: 0, idle: 0, served: this.#grants });
  }

  room(worker: number, room: number, idle: number): void {
    const known = this.workers.get(worker);
    if (known !== undefined) Object.assign(known, { room, idle: Math.max(0, Math.min(idle, room)) });
  }

  serving(name: string): number {
    return [...this.workers.values()].filter(({ functions }) => functions.includes(name)).length;
  }

  /** All that may be chosen: those that are equal are all right. */
  choices(name: string): { best: number[]; ready: number } {
    const ready = [...this.workers].filter(([, { functions, room }]) => functions.includes(name) && room > 0);
    const idlest = Math.max(...ready.map(([, { idle }]) => idle));
    const idle = ready.filter((one) => one[1].idle === idlest);
    const roomiest = Math.max(...idle.map(([, { room }]) => room));
    const equal = idlest > 0 ? idle : idle.filter(([, { room }]) => room === roomiest);
    const longest = Math.min(...equal.map(([, { served }]) => served));
    const best = equal.filter(([, { served }]) => served === longest);
    return { best: best.map(([worker]) => worker), ready: ready.length };
  }

  granted({ worker }: Grant): void {
    this.#grants += 1;
    const known = this.workers.get(worker);
    if (known !== undefined) known.served = this.#grants;
  }
}

const NAMES = ['foo', 'bar', 'baz'];
const worker = fc.nat({ max: 9 });
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ type: fc.constant('join' as const), worker, functions: fc.shuffledSubarray(NAMES) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('leave' as const), worker }) },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('room' as const),
      worker,
      room: fc.integer({ min: -1, max: 4 }),
      idle: fc.integer({ min: -1, max: 3 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('grant' as const),
      name: fc.constantFrom(...NAMES, 'nobody'),
      waiting: fc.nat({ max: 30 }),
      used: fc.boolean(),
    }),
  },
);

function expectSameGrant(policy: Policy, scan: DumbScan, name: string, waiting: number): Grant | undefined {
  const grant = policy.grant(shape(name), waiting);
  const { best, ready } = scan.choices(name);
  expect(grant === undefined).toBe(best.length === 0);
  if (grant === undefined) return undefined;
  expect(best).toContain(grant.worker);
  const { room } = scan.workers.get(grant.worker) as { room: number };
  expect(grant.count).toBe(Math.min(room, Math.max(1, Math.ceil(waiting / ready))));
  scan.granted(grant);
  return grant;
}

describe('leastLoaded', () => {
  it('chooses as a scan of all workers would, and ends in the same state', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const policy = new LeastLoaded();
        const scan = new DumbScan();
        for (const one of steps) {
          if (one.type === 'join' && !scan.workers.has(one.worker)) {
            policy.join({ ...one, slots: 1 });
            scan.join({ ...one, slots: 1 });
          } else if (one.type === 'leave') {
            policy.leave(one.worker);
            scan.workers.delete(one.worker);
          } else if (one.type === 'room') {
            policy.room(one.worker, one.room, one.idle);
            scan.room(one.worker, one.room, one.idle);
          } else if (one.type === 'grant') {
            const grant = expectSameGrant(policy, scan, one.name, one.waiting);
            if (grant === undefined || !one.used) continue;
            const left = (scan.workers.get(grant.worker)?.room ?? 0) - grant.count;
            policy.room(grant.worker, left, 0);
            scan.room(grant.worker, left, 0);
          }
          expect(NAMES.map((name) => policy.serving(name))).toEqual(NAMES.map((name) => scan.serving(name)));
        }
        // The whole state: what each would still grant, to the last.
        for (const name of NAMES) {
          for (let grant = expectSameGrant(policy, scan, name, 1); grant !== undefined; grant = expectSameGrant(policy, scan, name, 1)) {
            policy.room(grant.worker, 0, 0);
            scan.room(grant.worker, 0, 0);
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it('gives to the worker with the most room where nobody idles', () => {
    const policy = policyOf([1, ['foo'], 2], [2, ['foo'], 5], [3, ['foo'], 4]);
    expect(policy.grant(shape('foo'), 1)?.worker).toBe(2);
    policy.room(2, 3, 0);
    expect(policy.grant(shape('foo'), 1)?.worker).toBe(3);
  });

  it('an idle worker comes before one that only has more room ahead, and idle ones alternate whatever their room', () => {
    const policy = policyOf([1, ['foo'], 500], [2, ['foo'], 1], [3, ['foo'], 9]);
    policy.room(2, 1, 1);
    expect(policy.grant(shape('foo'), 1)?.worker).toBe(2);
    policy.room(1, 500, 1);
    policy.room(3, 9, 1);
    const served = Array.from({ length: 6 }, () => policy.grant(shape('foo'), 1)?.worker);
    expect(new Set(served.slice(0, 3))).toEqual(new Set([1, 2, 3]));
    expect(served.slice(3)).toEqual(served.slice(0, 3));
  });

  it('equal workers alternate', () => {
    const policy = policyOf([1, ['foo'], 1], [2, ['foo'], 1], [3, ['foo'], 1]);
    const served = Array.from({ length: 9 }, () => policy.grant(shape('foo'), 1)?.worker);
    expect(new Set(served.slice(0, 3))).toEqual(new Set([1, 2, 3]));
    expect(served.slice(3)).toEqual([...served.slice(0, 3), ...served.slice(0, 3)]);
  });

  it('equal workers alternate even if each is full between', () => {
    const policy = policyOf([1, ['foo'], 1], [2, ['foo'], 1]);
    const served = Array.from({ length: 6 }, () => {
      const { worker = 0 } = policy.grant(shape('foo'), 1) ?? {};
      policy.room(worker, 0, 0);
      policy.room(worker, 1, 0);
      return worker;
    });
    expect(new Set(served.slice(0, 2)).size).toBe(2);
    expect(served.slice(2)).toEqual([...served.slice(0, 2), ...served.slice(0, 2)]);
  });

  it('gives parts only to who serves their function', () => {
    const policy = policyOf([1, ['foo'], 9], [2, ['bar', 'foo'], 3], [3, ['baz'], 9]);
    expect(policy.grant(shape('bar'), 1)?.worker).toBe(2);
    expect(policy.grant(shape('nobody'), 1)).toBeUndefined();
    expect([policy.serving('foo'), policy.serving('bar'), policy.serving('toString')]).toEqual([2, 1, 0]);
    policy.leave(2);
    expect(policy.grant(shape('bar'), 1)).toBeUndefined();
    expect([policy.serving('foo'), policy.serving('bar')]).toEqual([1, 0]);
  });

  it('spreads what waits over all that are ready, within the room of each, one at least', () => {
    const policy = policyOf([1, ['foo'], 8], [2, ['foo'], 8], [3, ['bar', 'foo'], 2], [4, ['foo'], 0]);
    expect(policy.grant(shape('foo'), 10)?.count).toBe(4);
    expect(policy.grant(shape('foo'), 1_000)?.count).toBe(8);
    expect(policy.grant(shape('bar'), 1_000)).toEqual({ worker: 3, count: 2 });
    expect(policy.grant(shape('foo'), 0)?.count).toBe(1);
  });

  it('workers with the same functions in another order are of one group', () => {
    const policy = policyOf([1, ['foo', 'bar'], 1], [2, ['bar', 'foo'], 1]);
    expect(new Set([policy.grant(shape('bar'), 1)?.worker, policy.grant(shape('foo'), 1)?.worker])).toEqual(new Set([1, 2]));
  });

  it('knows nothing of who never came', () => {
    const policy = policyOf([1, ['foo'], 0]);
    policy.leave(7);
    policy.room(7, 5, 0);
    expect([policy.grant(shape('foo'), 1), policy.serving('foo')]).toEqual([undefined, 1]);
  });

  it('each master makes its own', () => {
    const choice = leastLoaded();
    const [one, other] = [choice.create(), choice.create()];
    one.join({ worker: 1, functions: ['foo'], slots: 1 });
    expect([choice.name, one.distribution, one.serving('foo'), other.serving('foo')]).toEqual(['leastLoaded', 'lease', 1, 0]);
  });
});
