import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brief, History } from '../../src/machine/history.ts';

interface Thing {
  readonly type: string;
  readonly job?: number;
}

describe('history', () => {
  it('remembers the last events, whatever its limit, and numbers all', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 12 }), fc.nat({ max: 60 }), (limit, count) => {
        const history = new History<Thing, Thing>(limit);
        for (let i = 1; i <= count; i += 1) {
          expect(history.record({ type: 'e', job: i }, [])).toBe(i);
          const ids = history.entries().map(({ id }) => id);
          expect(ids).toEqual(Array.from({ length: Math.min(limit, i) }, (_, at) => i - Math.min(limit, i) + 1 + at));
        }
        expect(history.last).toBe(count);
      }),
    );
  });

  it('remembers fewer events if they are large, but always a few', () => {
    const columns = (length: number) => ({ type: 'batch', records: [{ kind: 'parts', slots: Array.from({ length }, () => 1) }] });
    const history = new History<{ type: string }, { type: string }>(100);
    const remembered = (): number => history.entries().length;
    for (let i = 0; i < 300; i += 1) history.record(columns(7), []);
    expect(remembered()).toBe(100);
    for (let i = 0; i < 300; i += 1) history.record({ type: 'flush' }, [columns(16)]);
    expect(remembered()).toBe(50);
    for (let i = 0; i < 30; i += 1) history.record(columns(1_000_000), []);
    expect(remembered()).toBe(8);
    expect(history.entries().at(-1)?.id).toBe(history.last);
  });

  it('remembers all, if asked for', () => {
    const history = new History<Thing, Thing>(Infinity);
    for (let i = 0; i < 1_000; i += 1) history.record({ type: 'e' }, []);
    expect(history.entries()).toHaveLength(1_000);
  });

  it('tells the story of one job: its events, and what others led to for it', () => {
    const history = new History<Thing, Thing>(10);
    history.record({ type: 'jobs', job: 1 }, [{ type: 'tell', job: 1 }, { type: 'wakeAt' }]);
    history.record({ type: 'jobs', job: 2 }, [{ type: 'tell', job: 2 }]);
    history.record({ type: 'flush' }, [
      { type: 'hand', job: 2 },
      { type: 'hand', job: 1 },
    ]);
    history.record({ type: 'result', job: 1 }, []);
    expect(history.story((thing) => thing.job === 1)).toEqual([
      '#1 {"type":"jobs","job":1}',
      '    → {"type":"tell","job":1}',
      '#3 {"type":"flush"}',
      '    → {"type":"hand","job":1}',
      '#4 {"type":"result","job":1}',
    ]);
    expect(history.story((thing) => thing.job === 3)).toEqual([]);
  });

  it('a line cuts long columns, counts bytes and leaves causes out', () => {
    const thing = {
      type: 'x',
      cause: 7,
      few: [1, 2],
      many: Array.from({ length: 20 }, (_, i) => i),
      view: new Uint8Array(5),
      buffer: Buffer.alloc(9),
    };
    expect(JSON.parse(brief(thing))).toEqual({
      type: 'x',
      few: [1, 2],
      many: '[0,1,2,3,4,5,6,7… 20]',
      view: '<5 bytes>',
      buffer: '<bytes>',
    });
  });
});
