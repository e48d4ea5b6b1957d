import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { Todo } from '../../src/machine/todo.ts';

it('holds each thing once, in the order of adding, as a Set does', () => {
  const things = Array.from({ length: 40 }, (_, at) => ({ at }));
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), at: fc.nat({ max: 39 }) }),
    fc.record({ do: fc.constant('delete' as const), at: fc.nat({ max: 39 }) }),
    fc.record({ do: fc.constant('take' as const), at: fc.constant(0) }),
    fc.record({ do: fc.constant('takeAll' as const), at: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const todo = new Todo<{ at: number }>();
      const model = new Set<{ at: number }>();
      const take = (): void => {
        const [first] = model;
        if (first !== undefined) model.delete(first);
        expect(todo.take()).toBe(first);
      };
      for (const { do: what, at } of steps) {
        const thing = things[at] as { at: number };
        if (what === 'add') {
          todo.add(thing);
          model.add(thing);
        } else if (what === 'delete') {
          todo.delete(thing);
          model.delete(thing);
        } else if (what === 'take') take();
        else while (model.size > 0) take();
        for (const each of things) expect(todo.has(each)).toBe(model.has(each));
      }
    }),
  );
});
