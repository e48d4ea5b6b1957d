import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { now, WakeUp } from '../../src/common/clock.ts';

/** A clock and timers of our own: `timers` holds what setTimeout was asked for. */
let time = 0;
let timers: { fire: () => void; ms: number }[] = [];

beforeEach(() => {
  time = 1_000;
  timers = [];
  vi.spyOn(performance, 'now').mockImplementation(() => time);
  vi.stubGlobal('setTimeout', (fire: () => void, ms: number) => {
    const timer = { fire, ms };
    timers.push(timer);
    return timer;
  });
  vi.stubGlobal('clearTimeout', (timer: { fire: () => void; ms: number }) => {
    timers = timers.filter((other) => other !== timer);
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** The only timer ends, at a time. */
function fireAt(ms: number): void {
  time = ms;
  expect(timers).toHaveLength(1);
  timers.shift()?.fire();
}

describe('a wake-up', () => {
  it('wakes once, when its time has come', () => {
    const woken: number[] = [];
    const wakeUp = new WakeUp(() => woken.push(now()));
    wakeUp.set(1_010.2);
    expect(timers.map(({ ms }) => ms)).toEqual([11]);
    fireAt(1_011);
    expect([woken, timers]).toEqual([[1_011], []]);
  });

  it('sleeps on when its timer ends too early, as those of Node do', () => {
    const woken: number[] = [];
    const wakeUp = new WakeUp(() => woken.push(now()));
    wakeUp.set(1_010);
    fireAt(1_009.3);
    expect([woken, timers.map(({ ms }) => ms)]).toEqual([[], [1]]);
    fireAt(1_010.3);
    expect(woken).toEqual([1_010.3]);
  });

  it('sleeps longer than a timer of Node can', () => {
    const woken: number[] = [];
    const wakeUp = new WakeUp(() => woken.push(now()));
    wakeUp.set(1_000 + 2 ** 31 + 9);
    expect(timers.map(({ ms }) => ms)).toEqual([2 ** 31 - 1]);
    fireAt(1_000 + 2 ** 31 - 1);
    expect([woken, timers.map(({ ms }) => ms)]).toEqual([[], [10]]);
    fireAt(1_000 + 2 ** 31 + 9);
    expect(woken).toHaveLength(1);
  });

  it('can be moved and called off; the same time again costs nothing', () => {
    let woken = 0;
    const wakeUp = new WakeUp(() => (woken += 1));
    wakeUp.set(1_010);
    const [first] = timers;
    wakeUp.set(1_010);
    expect(timers).toEqual([first]);
    wakeUp.set(1_005);
    expect(timers.map(({ ms }) => ms)).toEqual([5]);
    wakeUp.set(Infinity);
    expect([timers, woken]).toEqual([[], 0]);
  });

  it('a time that is past wakes at the next turn, and it can be set again from within', () => {
    const woken: number[] = [];
    const wakeUp: WakeUp = new WakeUp(() => {
      woken.push(now());
      if (woken.length === 1) wakeUp.set(1_020);
    });
    wakeUp.set(5);
    expect(timers.map(({ ms }) => ms)).toEqual([0]);
    fireAt(1_000);
    fireAt(1_020);
    expect(woken).toEqual([1_000, 1_020]);
  });
});
