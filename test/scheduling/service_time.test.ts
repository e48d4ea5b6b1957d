import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ServiceTime, ShapeLoad } from '../../src/scheduling/service_time.ts';

/** A worker that ended parts one after the other, each of so many microseconds. */
function after(...micros: number[]): ServiceTime {
  const time = new ServiceTime();
  for (const one of micros) time.took(one, 1);
  return time;
}

const MS = 1_000;

describe('the service time of a worker', () => {
  it('of which nothing is known: no part waits there', () => {
    expect(new ServiceTime()).toMatchObject({ meanMicros: -1, ahead: 0, patienceMs: 5 });
  });

  it.each([
    ['no-ops: hundreds', 1, 512],
    ['20 µs: three milliseconds of work', 20, 150],
    ['1 ms: as much', MS, 3],
    ['4 ms: one', 4 * MS, 1],
    ['6 ms: none', 6 * MS, 0],
    ['a minute: none', 60_000 * MS, 0],
  ])('decides how many wait behind parts of %s', (_, micros, ahead) => {
    expect(after(...Array.from({ length: 20 }, () => micros)).ahead).toBe(ahead);
  });

  it('one part that takes very long among short ones changes nothing', () => {
    const short = Array.from({ length: 20 }, () => MS);
    const time = after(...short, 50 * MS);
    expect(time.ahead).toBeGreaterThanOrEqual(2);
    expect(time.patienceMs).toBeLessThan(3);
    expect(time.meanMicros).toBeGreaterThan(10 * MS);
  });

  it('parts that all take long from now on are found out soon', () => {
    const short = Array.from({ length: 20 }, () => MS);
    const long = Array.from({ length: 8 }, () => 50 * MS);
    expect(after(...short, ...long).ahead).toBe(0);
    expect(after(...long, ...short.slice(0, 9)).ahead).toBe(2);
  });

  it('quick parts are not looked after one by one; others are late after twice what is typical, within bounds', () => {
    expect(after(100).patienceMs).toBe(5);
    expect(after(300).patienceMs).toBe(1);
    expect(after(2 * MS).patienceMs).toBe(4);
    expect(after(50 * MS).patienceMs).toBe(5);
  });

  it('keeps a mean that lies between the shortest and the longest, and bounds what it says', () => {
    const took = fc.tuple(fc.nat({ max: 1e9 }), fc.integer({ min: 1, max: 1_000 }));
    fc.assert(
      fc.property(fc.array(took, { minLength: 1, maxLength: 40 }), (all) => {
        const time = new ServiceTime();
        for (const [micros, parts] of all) time.took(micros, parts);
        const each = all.map(([micros, parts]) => micros / parts);
        expect(time.meanMicros).toBeGreaterThanOrEqual(Math.min(...each) - 1e-6);
        expect(time.meanMicros).toBeLessThanOrEqual(Math.max(...each) + 1e-6);
        expect(time.ahead).toBeGreaterThanOrEqual(0);
        expect(time.ahead).toBeLessThanOrEqual(512);
        expect(time.patienceMs).toBeGreaterThanOrEqual(1);
        expect(time.patienceMs).toBeLessThanOrEqual(5);
      }),
    );
  });
});

describe('what there is of a shape', () => {
  it.each([
    [10, 2, 20_000, false],
    [13, 2, 20_000, true],
    [2, 2, 9_000_000, false],
  ])('%i parts with %i running, of %i µs each, are too much: %s', (placed, running, micros, isTooMuch) => {
    const load = new ShapeLoad(1);
    expect(load.exceeds(running, 100)).toBe(false);
    load.took(micros * 4, 4);
    load.placed = placed;
    expect(load.exceeds(running, 100)).toBe(isTooMuch);
  });
});
