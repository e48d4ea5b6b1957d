/** Whatever comes, and in whatever order: no part is lost, none is reported twice, no limit is passed. */
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { ENTRY } from '../../src/protocol/stream_records.ts';
import type { Served } from '../../src/worker/executor_options.ts';
import { Rig, settled } from './rig.ts';

const SLOTS = 2;
const MAX_PARKED = 2;

type Step =
  | { readonly do: 'give'; readonly function: string; readonly count: number; readonly grants: number; readonly bytes: number }
  | { readonly do: 'revoke' | 'abort'; readonly key: number }
  | { readonly do: 'grant'; readonly key: number; readonly results: number; readonly bytes: number }
  | { readonly do: 'end'; readonly which: number }
  | { readonly do: 'tick' | 'settle' };

const key = fc.integer({ min: 1, max: 12 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('give' as const),
    function: fc.constantFrom('now', 'soon', 'later', 'steps', 'slowSteps', 'fails'),
    count: fc.integer({ min: 1, max: 3 }),
    grants: fc.integer({ min: 0, max: 3 }),
    bytes: fc.integer({ min: 0, max: 30 }),
  }),
  fc.record({ do: fc.constantFrom('revoke' as const, 'abort' as const), key }),
  fc.record({ do: fc.constant('grant' as const), key, results: fc.integer({ min: 0, max: 3 }), bytes: fc.integer({ min: 0, max: 30 }) }),
  fc.record({ do: fc.constant('end' as const), which: fc.nat({ max: 5 }) }),
  fc.record({ do: fc.constantFrom('tick' as const, 'settle' as const) }),
);

/** A worker, what it was granted, and how many functions run in it. */
class World {
  readonly granted = new Map<number, { results: number; bytes: number }>();
  readonly waiting: (() => void)[] = [];
  readonly rig: Rig;
  #running = 0;
  #clock = 0;
  most = 0;
  #last = 0;

  constructor() {
    this.rig = new Rig({ functions: this.#functions(), slots: SLOTS, maxParked: MAX_PARKED, now: () => (this.#clock += 0.1) });
  }

  #functions(): Record<string, Served> {
    const enter = (): void => {
      this.#running += 1;
      this.most = Math.max(this.most, this.#running);
    };
    const leave = (): void => {
      this.#running -= 1;
    };
    const wait = (): Promise<void> => new Promise((resolve) => this.waiting.push(resolve));
    return {
      now: () => 'result',
      fails: () => Promise.reject(new Error('no')),
      soon: async () => 'result',
      later: async () => {
        enter();
        await wait();
        leave();
        return 'result';
      },
      *steps() {
        for (let i = 0; i < 3; i += 1) yield 'result';
      },
      async *slowSteps() {
        for (let i = 0; i < 2; i += 1) {
          enter();
          await wait();
          leave();
          yield 'result';
        }
      },
    };
  }

  async take(what: Step): Promise<void> {
    if (what.do === 'tick') this.rig.tick();
    else if (what.do === 'settle') await settled();
    else if (what.do === 'end') this.waiting.splice(what.which, 1)[0]?.();
    else if (what.do === 'grant') this.grant(what.key, what.results, what.bytes);
    else if (what.do === 'give') this.#give(what);
    else if (what.do === 'revoke' || what.do === 'abort') this.rig.tell({ kind: what.do, keys: [what.key] });
  }

  #give({ function: name, count, grants, bytes }: Extract<Step, { do: 'give' }>): void {
    const keys = Array.from({ length: count }, () => (this.#last += 1));
    for (const one of keys) this.granted.set(one, { results: grants, bytes });
    const each = (value: number): number[] => keys.map(() => value);
    this.rig.give(
      name,
      keys.map(() => 'm'),
      { keys, grants: each(grants), bytes: each(bytes) },
    );
  }

  grant(to: number, results: number, bytes: number): void {
    const granted = this.granted.get(to);
    if (granted === undefined) return;
    granted.results += results;
    granted.bytes += bytes;
    this.rig.tell({ kind: 'grant', keys: [to], results: [results], bytes: [bytes] });
  }

  /** Everything is granted, and every function ends. */
  async finish(): Promise<void> {
    for (const one of this.granted.keys()) this.grant(one, 100, 10_000);
    for (let i = 0; i < 30 + this.granted.size * 4; i += 1) {
      for (const end of this.waiting.splice(0)) end();
      this.rig.tick();
      await settled();
    }
    this.rig.tick();
    this.rig.tick();
  }
}

it('no part is lost, none is told twice, and no limit is passed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const world = new World();
      for (const what of steps) await world.take(what);
      await world.finish();
      const { said, returned, store } = world.rig;
      for (const [one, granted] of world.granted) {
        const mine = said.filter((entry) => entry.key === one);
        const ends = mine.filter(({ flags }) => (flags & ENTRY.partEnd) !== 0).length;
        // An abort that comes late is answered, too: the master need not know what had ended already.
        const back = returned.includes(one);
        expect(ends === 1 || (ends === 0 && back)).toBe(true);
        const results = mine.filter(({ flags }) => (flags & ENTRY.result) !== 0);
        expect(results.map(({ index }) => index)).toEqual(results.map((_, at) => at));
        expect(results.length).toBeLessThanOrEqual(granted.results);
        expect(results.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(granted.bytes);
      }
      expect(world.most).toBeLessThanOrEqual(SLOTS);
      expect(world.rig.lent).toBe(0);
      expect(store.count).toBe(0);
    }),
    { numRuns: 500 },
  );
});
