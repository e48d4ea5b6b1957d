import { deepStrictEqual } from 'node:assert/strict';
import { array, assert, integer, nat, oneof, property, record, subarray, uniqueArray } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packValue } from '../../src/protocol/fields.ts';
import { BUILTIN } from '../../src/resources/builtin.ts';
import type { Kind } from '../../src/resources/kind.ts';
import { giveBack, parseOffer, parseRequest, type Pools, type Shares, shownShares, take } from '../../src/resources/pools.ts';

/** A kind of a user's own: named licences, each used by one at a time. */
const licences: Kind<readonly string[], readonly string[], readonly string[]> = {
  request: (value) => value as string[],
  offer: (value) => (value as string[]).toSorted(),
  take: (pool, wanted) =>
    wanted.every((one) => pool.includes(one)) ? { share: wanted, pool: pool.filter((one) => !wanted.includes(one)) } : undefined,
  giveBack: (pool, share) => [...pool, ...share].toSorted(),
  show: (share) => share,
};
const kinds = new Map([...BUILTIN, ['licences', licences as Kind]]);

const amounts = {
  cores: integer({ min: 1, max: 5 }),
  memoryGb: integer({ min: 1, max: 40 }).map((tenths) => tenths / 10),
  capacity: integer({ min: 1, max: 4 }),
  token: subarray(['a', 'b'], { minLength: 1 }),
  walltime: integer({ min: 1, max: 100 }),
  licences: subarray(['x', 'y', 'z'], { minLength: 1 }),
};
const requests = record(amounts, { requiredKeys: [] });
const offers = record(
  {
    cores: oneof(integer({ min: 0, max: 6 }), uniqueArray(integer({ min: 0, max: 20 }), { maxLength: 6 })),
    memoryGb: integer({ min: 0, max: 80 }).map((tenths) => tenths / 10),
    capacity: integer({ min: 0, max: 6 }),
    token: subarray(['a', 'b', 'c'], { minLength: 1 }),
    walltime: integer({ min: 1, max: 200 }),
    licences: subarray(['x', 'y', 'z']),
  },
  { requiredKeys: [] },
);

const offered = (value: unknown): Pools => parseOffer(kinds, packValue(value), 0);

interface Given {
  readonly asked: Readonly<Record<string, unknown>>;
  readonly shares: Shares;
}

/** What is out at one time never exceeds the offer, and no identity is out twice. */
function expectWithin(offer: Readonly<Record<string, unknown>>, out: readonly Given[]): void {
  const shown = out.map(({ shares }) => shownShares(kinds, shares));
  const cores = shown.flatMap((one) => (one['cores'] ?? []) as number[]);
  const all = offer['cores'] ?? 0;
  expect(new Set(cores).size).toBe(cores.length);
  expect(cores.every((core) => (typeof all === 'number' ? core < all : (all as number[]).includes(core)))).toBe(true);
  const held = shown.flatMap((one) => (one['licences'] ?? []) as string[]);
  expect(new Set(held).size).toBe(held.length);
  for (const name of ['memoryGb', 'capacity']) {
    const millionths = shown.reduce((sum, one) => sum + Math.round(((one[name] ?? 0) as number) * 1e6), 0);
    expect(millionths).toBeLessThanOrEqual(Math.round(((offer[name] ?? 0) as number) * 1e6));
  }
  for (const [at, { asked }] of out.entries()) {
    const got = shown[at] as Record<string, unknown>;
    expect(Object.keys(got).toSorted()).toEqual(Object.keys(asked).toSorted());
    expect((got['cores'] as number[] | undefined)?.length).toBe(asked['cores']);
    for (const name of ['memoryGb', 'capacity', 'walltime', 'licences']) expect(got[name]).toEqual(asked[name]);
  }
}

describe('a worker’s resources', () => {
  it('are never given beyond what there is, each share fits its request, and all comes back, in any order', () => {
    const step = oneof(
      requests.map((asked) => ({ asked })),
      nat().map((back) => ({ back })),
    );
    assert(
      property(offers, array(step, { maxLength: 60 }), (offer, steps) => {
        const whole = offered(offer);
        let free = whole;
        const out: Given[] = [];
        for (const one of steps) {
          if ('back' in one) {
            const [given] = out.splice(one.back % Math.max(1, out.length), 1);
            if (given !== undefined) free = giveBack(kinds, free, given.shares);
          } else {
            const before = new Map(free);
            const taken = take(kinds, free, parseRequest(kinds, packValue(one.asked)), 0);
            // All or nothing: whether it fits or not, what there was is as it was.
            deepStrictEqual(free, before);
            free = taken?.pools ?? free;
            if (taken !== undefined) out.push({ asked: one.asked, shares: taken.shares });
          }
          expectWithin(offer, out);
        }
        for (const { shares } of out) free = giveBack(kinds, free, shares);
        expect(free).toEqual(whole);
      }),
    );
  });

  it('fractions do not drift: ten tenths are one, a thousand times over', () => {
    let free = offered({ memoryGb: 1 });
    const tenth = parseRequest(kinds, packValue({ memoryGb: 0.1 }));
    for (let round = 0; round < 1_000; round += 1) {
      const out: Shares[] = [];
      for (let i = 0; i < 10; i += 1) {
        const taken = take(kinds, free, tenth, 0);
        if (taken === undefined) throw new Error(`the ${i + 1}. tenth does not fit`);
        free = taken.pools;
        out.push(taken.shares);
      }
      expect(take(kinds, free, parseRequest(kinds, packValue({ memoryGb: 0.000001 })), 0)).toBeUndefined();
      for (const shares of out) free = giveBack(kinds, free, shares);
    }
    expect(free).toEqual(offered({ memoryGb: 1 }));
  });

  it('a walltime counts down, and a worker without one has all the time there is', () => {
    const minute = parseRequest(kinds, packValue({ walltime: 60 }));
    const pools = parseOffer(kinds, packValue({ walltime: 100 }), 1_000);
    expect(take(kinds, pools, minute, 41_000)).toBeDefined();
    expect(take(kinds, pools, minute, 41_001)).toBeUndefined();
    expect(take(kinds, offered({}), minute, 1e12)).toBeDefined();
  });

  it('a token fits exactly, and is not used up', () => {
    const pools = offered({ token: ['gpu', 'GPU2'] });
    const fits = (token: unknown): boolean => take(kinds, pools, parseRequest(kinds, packValue({ token })), 0) !== undefined;
    expect([fits('gpu'), fits(['gpu', 'GPU2']), fits('GPU'), fits('gpu2'), fits(['gpu', 'other'])]).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  it('an unknown kind is named, with those that are known', () => {
    expect(() => parseRequest(BUILTIN, packValue({ cores: 1, gpus: 1 }))).toThrow(
      'the job asks for gpus: no such kind of resource is known here, only cores, memoryGb, walltime, token, capacity',
    );
    expect(() => parseOffer(BUILTIN, packValue({ gpus: 1 }), 0)).toThrow('the worker offers gpus: no such kind');
    expect(() => parseRequest(BUILTIN, packValue([1]))).toThrow('the job asks for resources that are no object');
  });
});
