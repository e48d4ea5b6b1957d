import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Timers } from '../../src/machine/timers.ts';

describe('timers', () => {
  it('are due in the order of their times, once', () => {
    const timers = new Timers();
    timers.set('c', 30);
    timers.set('a', 10);
    timers.set('b', 20);
    expect([timers.next(), timers.due(9), timers.due(20), timers.due(20), timers.next()]).toEqual([10, [], ['a', 'b'], [], 30]);
  });

  it('a timer that is set again moves; one that is only ensured stays', () => {
    const timers = new Timers();
    timers.set('a', 10);
    timers.set('a', 20);
    timers.ensure('a', 5);
    timers.ensure('b', 15);
    expect(timers.due(15)).toEqual(['b']);
    expect([timers.has('a'), timers.has('b'), timers.next()]).toEqual([true, false, 20]);
    timers.clear('a');
    expect([timers.has('a'), timers.next(), timers.due(Infinity)]).toEqual([false, Infinity, []]);
  });

  it('agree with a sorted list', () => {
    const set = fc.record({
      type: fc.constantFrom('set' as const, 'ensure' as const),
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      at: fc.nat({ max: 9 }),
    });
    const other = fc.record({
      type: fc.constantFrom('clear' as const, 'due' as const),
      name: fc.constantFrom('a', 'b', 'c', 'd'),
      at: fc.nat({ max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(set, other)), (steps) => {
        const timers = new Timers();
        const model = new Map<string, number>();
        for (const { type, name, at } of steps) {
          if (type === 'set' || (type === 'ensure' && !model.has(name))) model.set(name, at);
          if (type === 'set' || type === 'ensure') timers[type](name, at);
          if (type === 'clear') {
            model.delete(name);
            timers.clear(name);
          }
          const due = type === 'due' ? [...model].filter(([, when]) => when <= at).sort((a, b) => a[1] - b[1]) : [];
          expect(type === 'due' ? timers.due(at) : []).toEqual(due.map(([which]) => which));
          for (const [which] of due) model.delete(which);
          expect(timers.next()).toBe(Math.min(...model.values()));
        }
      }),
    );
  });
});
