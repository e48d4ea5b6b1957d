import { array, assert, constantFrom, integer, nat, oneof, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packValue, unpackValue } from '../../src/protocol/fields.ts';
import type { Kind } from '../../src/resources/kind.ts';
import { grain, type GrainOptions } from '../../src/scheduling/grain.ts';
import type { Allocation, Allocator, Policy, Shape } from '../../src/scheduling/policy.ts';

/** A policy with workers, and short words for what is asked of it. */
class World {
  readonly policy: Policy;
  readonly allocator: Allocator;
  now = 0;
  #shapes = 0;

  constructor(offers: readonly object[], options: GrainOptions = {}) {
    this.policy = grain(options).create();
    this.allocator = this.policy.allocator as Allocator;
    offers.forEach((resources, i) => this.join(i + 1, resources));
  }

  join(worker: number, resources: object): void {
    const reason = this.policy.join({ worker, functions: ['foo'], slots: 1, resources: packValue(resources), nowMs: this.now });
    if (reason !== undefined) throw new Error(reason);
    this.allocator.open(worker, true);
  }

  shape(resources: object): Shape {
    const shape = { id: (this.#shapes += 1), function: 'foo', resources: packValue(resources) };
    const reason = this.allocator.judge(shape);
    if (reason !== undefined) throw new Error(reason);
    return shape;
  }

  /** One part of each shape that finds room, in the policy's order. */
  place(...waiting: readonly Shape[]): (Allocation | undefined)[] {
    const found = new Map(this.allocator.order(waiting, this.now).map((shape) => [shape, this.allocator.allocate(shape, this.now)]));
    return waiting.map((shape) => found.get(shape));
  }
}

const coresOf = ({ packed }: Allocation): number[] => (unpackValue(packed) as { cores: number[] }).cores;

describe('grain', () => {
  it('with best-fit a part goes where least is left, with first-fit to the first, with spread where most is left', () => {
    const offers = [{ cores: 8 }, { cores: 2 }, { cores: 4 }];
    const where = (placement: GrainOptions['placement']): (number | undefined)[] => {
      const world = new World(offers, { placement });
      const shape = world.shape({ cores: 2 });
      return [1, 2, 3, 4].map(() => world.place(shape)[0]?.worker);
    };
    expect(where('best-fit')).toEqual([2, 3, 3, 1]);
    expect(where('first-fit')).toEqual([1, 1, 1, 1]);
    expect(where('spread')).toEqual([1, 1, 1, 3]);
  });

  it('leaves a worker with what a part does not ask for to those that do', () => {
    const world = new World([{ cores: 2, token: 'gpu' }, { cores: 2 }]);
    expect(world.place(world.shape({ cores: 1 }))[0]?.worker).toBe(2);
  });

  it('serves the largest first, so that small ones do not leave it no room', () => {
    const world = new World([{ cores: 4 }]);
    const [small, large] = world.place(world.shape({ cores: 1 }), world.shape({ cores: 4 }));
    expect([small, large && coresOf(large)]).toEqual([undefined, [0, 1, 2, 3]]);
  });

  it('a request that can never be met keeps nobody waiting, and is explained', () => {
    const world = new World([{ cores: 4, memoryGb: 2 }, { cores: 2 }]);
    const never = world.shape({ cores: 3, memoryGb: 9 });
    const [missing, placed] = world.place(never, world.shape({ cores: 1 }));
    expect([missing, placed?.worker]).toEqual([undefined, 2]);
    expect(world.allocator.fits(never, 0)).toBe(false);
    expect(world.allocator.explain(never, 0)).toEqual({
      asks: '3 cores, 9 GiB',
      never: true,
      best: 1,
      lacks: '9 GiB',
      has: 'cores 4, memoryGb 2',
      running: [],
      promised: false,
    });
  });

  it('explains what nobody has, and what only some have', () => {
    const world = new World([{ cores: 2 }, { cores: 1 }, { cores: 1, token: ['gpu', 'large'] }]);
    const explain = (request: object): object => world.allocator.explain(world.shape(request), 0);
    expect(explain({ capacity: 1 })).toMatchObject({ never: true, lacks: 'capacity 1', has: 'capacity 0' });
    const has = { never: true, best: 3, has: 'tokens gpu, large', lacks: 'tokens fast, gpu' };
    expect(explain({ token: ['gpu', 'fast'] })).toMatchObject(has);
    expect(explain({ token: 'gpu' })).toMatchObject({ never: false, best: 3, has: 'tokens gpu, large' });
  });

  it('explains what is left of a walltime, and says no amount of what has none', () => {
    const licences: Kind = {
      request: (value) => value,
      offer: (value) => value,
      take: () => undefined,
      giveBack: (pool) => pool,
      show: (share) => share,
    };
    const world = new World([{ cores: 1 }, { cores: 2, walltime: 60, licences: ['a'] }], { kinds: { licences } });
    world.now = 20_400;
    const explain = (request: object): object => world.allocator.explain(world.shape(request), world.now);
    expect(explain({ cores: 2, walltime: 50 })).toMatchObject({ never: true, best: 2, has: 'cores 2, 40 s of walltime' });
    expect(explain({ walltime: 50 })).toMatchObject({ never: false, best: 1, has: '' });
    expect(explain({ licences: 'b', cores: 2 })).toMatchObject({ never: true, best: 2, has: 'cores 2', lacks: 'licences "b"' });
  });

  it('a shape that waits too long is promised a worker, and others are placed there only if they end in time', () => {
    const world = new World([{ cores: 4 }], { reserveAfterMs: 1_000 });
    const [first] = world.place(world.shape({ cores: 3, walltime: 10 }));
    const large = world.shape({ cores: 4, walltime: 60 });
    const [unlimited, long, short] = [{}, { walltime: 12 }, { walltime: 7 }].map((more) => world.shape({ cores: 1, ...more }));
    expect(world.place(large)).toEqual([undefined]);
    world.now = 2_000;
    // It has been promised the worker, which will be free at 10 s: one that may take until 14 s is too long, one until 9 s is not.
    const placed = world.place(large, unlimited as Shape, long as Shape, short as Shape);
    expect(placed.map((allocation) => allocation?.worker)).toEqual([undefined, undefined, undefined, 1]);
    expect(world.allocator.explain(large, world.now)).toMatchObject({
      never: false,
      promised: true,
      running: ['foo (3 cores, 10 s of walltime)', 'foo (1 core, 7 s of walltime)'],
    });
    world.allocator.release((placed[3] as Allocation).id);
    world.allocator.release((first as Allocation).id);
    world.now = 5_000;
    expect(world.place(unlimited as Shape, large).map((allocation) => allocation?.worker)).toEqual([undefined, 1]);
  });

  it('nothing is placed behind a promise while nobody knows when what runs there will end', () => {
    const world = new World([{ cores: 4 }], { reserveAfterMs: 0 });
    world.place(world.shape({ cores: 3 }));
    const large = world.shape({ cores: 4 });
    expect(world.place(large, world.shape({ cores: 1, walltime: 1 }))).toEqual([undefined, undefined]);
    // Who waits no more is promised nothing.
    expect(world.place(world.shape({ cores: 1 }))[0]?.worker).toBe(1);
  });

  it('at most four shapes are promised workers, one each', () => {
    const world = new World(
      Array.from({ length: 6 }, () => ({ cores: 2 })),
      { reserveAfterMs: 0 },
    );
    for (let worker = 1; worker <= 6; worker += 1) world.place(world.shape({ cores: 1 }), world.shape({ cores: 1 }));
    const large = Array.from({ length: 6 }, (_, i) => world.shape({ cores: 2, walltime: i + 1 }));
    world.place(...large);
    expect(large.filter((shape) => world.allocator.explain(shape, 0).promised)).toHaveLength(4);
  });

  it('a worker’s walltime counts down', () => {
    const world = new World([{ cores: 1, walltime: 100 }]);
    const minute = world.shape({ cores: 1, walltime: 60 });
    world.now = 41_000;
    expect(world.place(minute)).toEqual([undefined]);
    expect(world.allocator.fits(minute, 40_000)).toBe(true);
  });

  it('refuses what makes no sense, with a reason', () => {
    expect(() => grain({ placement: 'worst-fit' as 'spread' })).toThrow(
      'grain: placement: expected best-fit, first-fit, spread, got "worst-fit"',
    );
    expect(() => grain({ kinds: { cores: {} as never } })).toThrow("grain: kinds: 'cores' is built in");
    expect(() => grain({ kinds: { own: {} as never } })).toThrow('grain: kinds.own.request: expected a function, got undefined');
    expect(() => grain({ reserveAfterMs: -1 })).toThrow('grain: reserveAfterMs: expected a whole number');
    expect(() => grain({ other: 1 } as GrainOptions)).toThrow("grain: unknown option 'other'");
    expect(() => new World([{ gpus: 1 }])).toThrow('the worker offers gpus: no such kind of resource is known here');
  });
});

describe('whatever happens', () => {
  const step = oneof(
    {
      weight: 4,
      arbitrary: record({ do: constantFrom('place' as const), cores: integer({ min: 1, max: 3 }), more: constantFrom(0, 1, 5, 90) }),
    },
    { weight: 3, arbitrary: record({ do: constantFrom('end' as const), which: nat() }) },
    {
      weight: 1,
      arbitrary: record({ do: constantFrom('leave' as const, 'close' as const, 'open' as const), which: integer({ min: 1, max: 3 }) }),
    },
  );

  it('no core is out twice, none that was not offered, and all are free when all has ended', () => {
    const placements = constantFrom('best-fit' as const, 'first-fit' as const, 'spread' as const);
    assert(
      property(
        placements,
        array(integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }),
        array(step, { maxLength: 80 }),
        (placement, sizes, steps) => {
          const world = new World(
            sizes.map((cores) => ({ cores })),
            { placement, reserveAfterMs: 3 },
          );
          const here = new Map(sizes.map((cores, i) => [i + 1, cores]));
          const shapes = new Map<string, Shape>();
          let out: Allocation[] = [];
          for (const one of steps) {
            world.now += 1;
            if (one.do === 'place') {
              const about = `${one.cores}/${one.more}`;
              const shape = shapes.get(about) ?? world.shape({ cores: one.cores, ...(one.more === 0 ? {} : { walltime: one.more }) });
              shapes.set(about, shape);
              out.push(...world.place(...shapes.values()).filter((allocation) => allocation !== undefined));
            } else if (one.do === 'end') {
              for (const allocation of out.splice(one.which % Math.max(1, out.length), 1)) world.allocator.release(allocation.id);
            } else if (one.do === 'leave') {
              world.policy.leave(one.which);
              here.delete(one.which);
              out = out.filter((allocation) => allocation.worker !== one.which);
            } else world.allocator.open(one.which, one.do === 'open');
            const cores = out.flatMap((allocation) => coresOf(allocation).map((core) => `${allocation.worker}/${core}`));
            expect(new Set(cores).size).toBe(cores.length);
            expect(out.every((allocation) => coresOf(allocation).every((core) => core < (here.get(allocation.worker) ?? 0)))).toBe(true);
          }
          for (const allocation of out) world.allocator.release(allocation.id);
          // Nobody waits, and nobody is promised anything.
          world.place();
          for (const [worker, cores] of here)
            expect(world.allocator.allocate(world.shape({ cores }), world.now, worker)?.worker).toBe(worker);
        },
      ),
    );
  });

  it('in every small world of two workers, whoever is first in line and fits is placed', () => {
    for (const [a, b] of [1, 2, 3].flatMap((one) => [1, 2, 3].map((other) => [one, other] as const))) {
      for (const asks of [1, 2, 3].flatMap((x) => [1, 2, 3].flatMap((y) => [1, 2, 3].map((z) => [x, y, z] as const)))) {
        const world = new World([{ cores: a }, { cores: b }]);
        const placed = world.place(...asks.map((cores) => world.shape({ cores })));
        const used = [0, 0];
        for (const allocation of placed)
          if (allocation !== undefined) used[allocation.worker - 1] = (used[allocation.worker - 1] as number) + coresOf(allocation).length;
        expect(used[0]).toBeLessThanOrEqual(a);
        expect(used[1]).toBeLessThanOrEqual(b);
        // Nothing that would still fit anywhere was left out.
        const free = Math.max(a - (used[0] as number), b - (used[1] as number));
        expect(asks.filter((_, i) => placed[i] === undefined).every((cores) => cores > free)).toBe(true);
      }
    }
  });
});
