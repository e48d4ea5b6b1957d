import { describe, expect, it } from 'vitest';
import { type Loop, Spin, Worth } from '../../src/common/spin.ts';

/** Asks so many questions; each that is waited for awake is answered in time or not. Returns which were. */
function ask(worth: Worth, questions: number, inTime: (question: number) => boolean): boolean[] {
  return Array.from({ length: questions }, (_, i) => {
    const awake = worth.next();
    if (awake) worth.told(inTime(i));
    return awake;
  });
}

function count(list: readonly boolean[]): number {
  return list.filter(Boolean).length;
}

describe('whether to wait awake', () => {
  it('is worth it while most answers come in time', () => {
    expect(count(ask(new Worth(), 1_000, () => true))).toBe(1_000);
    expect(count(ask(new Worth(), 1_000, (i) => i % 4 > 0))).toBe(1_000);
  });

  it('is worth hardly anything where none does', () => {
    const awake = ask(new Worth(), 100_000, () => false);
    expect(count(awake.slice(0, 100))).toBeLessThanOrEqual(32);
    expect(count(awake.slice(10_000)) / 90_000).toBeLessThan(0.04);
  });

  it('is tried again, and worth it at once when answers have become quick', () => {
    const worth = new Worth();
    ask(worth, 50_000, () => false);
    const awake = ask(worth, 3_000, () => true);
    const first = awake.indexOf(true);
    expect(first).toBeLessThanOrEqual(256);
    expect(count(awake.slice(first))).toBe(3_000 - first);
  });

  it('rests briefly after one bad row among good ones', () => {
    const worth = new Worth();
    ask(worth, 10_000, () => false);
    while (!worth.next());
    worth.told(true);
    ask(worth, 64, () => true);
    const awake = ask(worth, 100, (i) => i >= 20);
    expect(count(awake)).toBeGreaterThanOrEqual(80);
  });
});

/** An event loop whose turns take as long as it is told. */
class FakeLoop implements Loop {
  ms = 0;
  next: (() => void) | undefined;
  readonly naps: number[] = [];
  readonly napMs: number;

  constructor(napMs = 0) {
    this.napMs = napMs;
  }

  now(): number {
    return this.ms;
  }

  turn(run: () => void): void {
    this.next = run;
  }

  nap(): void {
    this.naps.push(this.ms);
    this.ms += this.napMs;
  }

  /** Lets turns pass until none is asked for. Returns how many. */
  pass(ms: number, most = 1_000): number {
    let turns = 0;
    for (let run = this.next; run !== undefined && turns < most; run = this.next) {
      this.next = undefined;
      this.ms += ms;
      turns += 1;
      run();
    }
    return turns;
  }
}

/** Asks so many questions, each answered after so long. */
function teach(spin: Spin, loop: FakeLoop, questions: number, ms: number): void {
  for (let i = 0; i < questions; i += 1) {
    spin.asked();
    loop.ms += ms;
    spin.answered();
  }
}

describe('waiting awake', () => {
  it('takes turns for three times as long as an answer may take, and no more', () => {
    const loop = new FakeLoop();
    new Spin(1, loop).asked();
    expect(loop.pass(0.125)).toBe(24);
  });

  it('goes on from question to question', () => {
    const loop = new FakeLoop();
    const spin = new Spin(1, loop);
    for (let i = 0; i < 20; i += 1) {
      spin.asked();
      expect(loop.pass(0.125, 5)).toBe(5);
      spin.answered();
    }
    expect(loop.pass(0.125)).toBe(19);
  });

  it('is not done where it may take no time', () => {
    const loop = new FakeLoop();
    const spin = new Spin(0, loop);
    spin.asked();
    spin.answered();
    expect(loop.next).toBeUndefined();
  });

  it('is given up where answers are late', () => {
    const loop = new FakeLoop();
    const spin = new Spin(1, loop);
    for (let i = 0; i < 8; i += 1) {
      spin.asked();
      expect(loop.pass(0.5)).toBe(6);
      loop.ms += 5;
      spin.answered();
    }
    spin.asked();
    expect(loop.next).toBeUndefined();
  });

  it('is given up, too, where answers come while it is awake, but late', () => {
    const loop = new FakeLoop();
    const spin = new Spin(1, loop);
    for (let i = 0; i < 8; i += 1) {
      spin.asked();
      expect(loop.pass(0.5, 3)).toBe(3);
      spin.answered();
    }
    spin.asked();
    expect(loop.pass(0.5)).toBe(3);
    spin.answered();
    spin.asked();
    expect(loop.next).toBeUndefined();
  });

  it('leaves the core to others now and then, once an answer takes twice as long as usual', () => {
    const loop = new FakeLoop(0.0625);
    const spin = new Spin(1, loop);
    teach(spin, loop, 200, 0.25);
    const asked = loop.ms;
    spin.asked();
    loop.pass(0.03125, 40);
    const [first, second, third] = loop.naps.map((ms) => ms - asked) as [number, number, number];
    // At 0.5, and each time 0.2 after the end of the last: both as seen every 0.03125.
    expect(first).toBeCloseTo(0.5 + 0.03125, 5);
    expect(second - first).toBeCloseTo(0.0625 + 0.21875, 5);
    expect(third - second).toBeCloseTo(0.0625 + 0.21875, 5);
  });

  it('does not nap while answers come as usual', () => {
    const loop = new FakeLoop();
    const spin = new Spin(1, loop);
    for (let i = 0; i < 100; i += 1) {
      spin.asked();
      expect(loop.pass(0.0625, 4)).toBe(4);
      spin.answered();
    }
    // Nor when nothing is asked any more.
    loop.pass(0.0625);
    expect(loop.naps).toEqual([]);
  });
});
