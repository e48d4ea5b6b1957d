import { describe, expect, it } from 'vitest';
import { Rig } from './rig.ts';

describe('results without credit', () => {
  it('wait when their bytes are not granted, and come when they are', async () => {
    const rig = new Rig({
      functions: {
        *foo() {
          yield 'x'.repeat(10);
          yield 'y'.repeat(10);
        },
      },
    });
    rig.give('foo', ['m'], { grants: [9], bytes: [15] });
    await rig.run();
    expect(rig.hungry).toEqual([{ key: 1, bytes: 10 }]);
    rig.tell({ kind: 'grant', keys: [1], results: [0], bytes: [5] });
    await rig.run();
    expect(rig.results().map((text) => text.length)).toEqual([10, 10]);
    expect(rig.ended()).toBe(true);
  });

  it('are let go, if their part is aborted while they wait', async () => {
    const scratch = Buffer.alloc(10, 'x');
    const rig = new Rig({
      functions: {
        *foo() {
          yield scratch;
        },
        bar: () => scratch,
      },
    });
    rig.give('foo', ['m'], { grants: [9], bytes: [5] });
    rig.give('bar', ['m', 'm'], { keys: [2, 3], grants: [9, 9], bytes: [5, 5] });
    await rig.run();
    expect(rig.hungry.map(({ key }) => key)).toEqual([1, 2, 3]);
    rig.tell({ kind: 'abort', keys: [1, 2] });
    scratch.fill('y');
    rig.tell({ kind: 'grant', keys: [3], results: [0], bytes: [5] });
    await rig.run();
    expect(rig.results(3)).toEqual(['x'.repeat(10)]);
    expect(rig.returned).toEqual([1, 2]);
    expect(rig.store.count).toBe(0);
  });
});
