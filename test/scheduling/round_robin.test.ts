import { describe, expect, it } from 'vitest';
import { roundRobin } from '../../src/scheduling/round_robin.ts';

const foo = (worker: number, ...functions: string[]) => ({ worker, functions: ['foo', ...functions], slots: 1 });

describe('roundRobin', () => {
  it('spreads by PUSH, and takes workers that all serve the same, in any order', () => {
    const choice = roundRobin();
    const policy = choice.create();
    expect([choice.name, policy.distribution]).toEqual(['roundRobin', 'push']);
    expect(policy.join({ worker: 1, functions: ['foo', 'bar'], slots: 1 })).toBeUndefined();
    expect(policy.join({ worker: 2, functions: ['bar', 'foo'], slots: 4 })).toBeUndefined();
    expect(policy.serving('bar')).toBe(2);
  });

  it('refuses a worker that serves something else, and says what', () => {
    const policy = roundRobin().create();
    policy.join(foo(1));
    expect(policy.join(foo(2, 'bar'))).toBe(
      'with roundRobin() all workers serve the same functions: the others serve foo, this one bar, foo',
    );
    expect([policy.serving('foo'), policy.serving('bar')]).toEqual([1, 0]);
  });

  it('takes other functions when all workers have left', () => {
    const policy = roundRobin().create();
    policy.join(foo(1));
    policy.join(foo(2));
    policy.leave(1);
    expect(policy.join(foo(3, 'bar'))).toMatch('the others serve foo');
    policy.leave(2);
    expect(policy.join(foo(3, 'bar'))).toBeUndefined();
  });

  it('a worker that was refused, or never came, leaves nothing behind when it leaves', () => {
    const policy = roundRobin().create();
    policy.join(foo(1));
    policy.join(foo(2, 'bar'));
    policy.leave(2);
    policy.leave(9);
    expect(policy.join(foo(3, 'bar'))).toMatch('the others serve foo');
    expect(policy.serving('foo')).toBe(1);
  });

  it('grants leases like leastLoaded, for when PUSH cannot be trusted', () => {
    const policy = roundRobin().create();
    for (const worker of [1, 2]) {
      policy.join(foo(worker));
      policy.room(worker, worker, 0);
    }
    expect(policy.grant({ id: 1, function: 'foo', resources: undefined }, 2)).toEqual({ worker: 2, count: 1 });
  });
});
