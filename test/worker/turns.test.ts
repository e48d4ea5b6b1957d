import { describe, expect, it } from 'vitest';
import { beganAll, MIN_OFFER, Turns } from '../../src/worker/turns.ts';

describe('how many parts a turn is offered', () => {
  it('doubles while all that are offered begin', () => {
    const turns = new Turns();
    const offers = Array.from({ length: 8 }, () => {
      turns.end(turns.offer, turns.offer, 0.1);
      return turns.offer;
    });
    expect(offers).toEqual([64, 128, 256, 512, 1_024, 2_048, 2_048, 2_048]);
  });

  it('is twice what began, where not all did', () => {
    const turns = new Turns();
    turns.end(512, 512, 0.1);
    turns.end(1_024, 100, 1);
    expect(turns.offer).toBe(200);
    turns.end(200, 3, 1);
    expect(turns.offer).toBe(MIN_OFFER);
  });

  it('stays where few were there, or none', () => {
    const turns = new Turns();
    turns.end(512, 512, 0.1);
    turns.end(7, 7, 0.1);
    turns.end(0, 0, 0);
    expect(turns.offer).toBe(1_024);
  });
});

describe('what came by PUSH', () => {
  it('may wait for the end of the turn that follows, if the last one was quick', () => {
    const turns = new Turns();
    expect(turns.mayEndFirst(0)).toBe(false);
    turns.end(1, 1, 1.9);
    expect(turns.mayEndFirst(0)).toBe(true);
    expect(turns.mayEndFirst(1)).toBe(false);
    turns.end(1, 1, 2);
    expect(turns.mayEndFirst(0)).toBe(false);
  });

  it('waits for one turn at most', () => {
    const turns = new Turns();
    turns.end(1, 1, 0.1);
    turns.begin();
    expect([turns.mayEndFirst(0), turns.mayEndFirst(0)]).toEqual([false, true]);
  });

  it('is judged by turns that began something', () => {
    const turns = new Turns();
    turns.end(1, 1, 0.1);
    turns.end(1, 0, 5);
    expect(turns.mayEndFirst(0)).toBe(true);
  });
});

describe('whether another turn must follow by itself', () => {
  const run = { locals: [4, 5], ready: [], free: 1 };

  it('need not where all that was offered began', () => {
    expect(beganAll(run, { begun: 2, paused: false })).toBe(true);
    expect(beganAll({ ...run, locals: [] }, { begun: 0, paused: false })).toBe(true);
  });

  it.each([
    ['some were not begun', run, { begun: 1, paused: false }],
    ['a generator was stopped', run, { begun: 2, paused: true }],
    ['it is not known yet', run, undefined],
    ['generators went on', { ...run, ready: [3] }, { begun: 2, paused: false }],
    ['no lane was free', { ...run, free: 0 }, { begun: 2, paused: false }],
    [
      'more may be queued than was offered',
      { ...run, locals: Array.from({ length: MIN_OFFER }, (_, i) => i) },
      { begun: 32, paused: false },
    ],
  ])('must where %s', (_, offered, ran) => {
    expect(beganAll(offered, ran)).toBe(false);
  });
});
