import { describe, expect, it } from 'vitest';
import { RESERVED_NAMES } from '../../src/streams/reserved.ts';
import { MemoryNetwork } from '../../src/transport/memory.ts';
import { servedFunctions } from '../../src/worker/served.ts';
import { Worker } from '../../src/worker/worker.ts';

const names = (cls: { name: string; prototype: object }): string[] => [...servedFunctions(cls).keys()];

class Parent extends Worker {
  foo(): string {
    return 'parent';
  }
  bar(): string {
    return 'parent';
  }
}

describe('what a worker serves', () => {
  it('are the methods between its class and Worker, the nearest of each name', () => {
    class Child extends Parent {
      override foo(): string {
        return 'child';
      }
      baz(): void {}
    }
    expect(names(Child).toSorted()).toEqual(['bar', 'baz', 'foo']);
    expect(servedFunctions(Child).get('foo')).toBe(Object.getOwnPropertyDescriptor(Child.prototype, 'foo')?.value);
  });

  it('are no accessors, symbols, fields, statics or names with an underscore', () => {
    class Odd extends Parent {
      static baz(): void {}
      field = (): string => 'x';
      get accessor(): () => string {
        return () => 'x';
      }
      [Symbol.iterator](): void {}
      _hidden(): void {}
      __proto__(): void {}
    }
    expect(names(Odd).toSorted()).toEqual(['bar', 'foo']);
  });

  it('are not methods that something else of the same name hides', () => {
    class Hiding extends Parent {}
    Object.defineProperty(Hiding.prototype, 'foo', { get: () => () => 'x' });
    expect(names(Hiding)).toEqual(['bar']);
  });

  it('are exactly those that a list names, if there is one', () => {
    class Listed extends Parent {
      static functions = ['_mine', 'bar'];
      _mine(): void {}
    }
    expect(names(Listed)).toEqual(['_mine', 'bar']);
    class Heir extends Listed {
      more(): void {}
    }
    expect(names(Heir)).toEqual(['_mine', 'bar']);
  });

  it.each([
    ['what is not there', ['foo', 'missing'], /functions: expected names of its methods, got "missing"/],
    ['what every object has', ['toString'], /got "toString"/],
    ['a name of Worker', ['stop'], /got "stop"/],
    ['no strings', [5], /functions: expected an array of names, got an array of 1/],
    ['no list', 'foo', /functions: expected an array of names, got "foo"/],
    ['nothing', [], /it has no functions to serve/],
  ])('cannot be a list with %s', (_, functions, expected) => {
    class Listed extends Parent {
      static functions = functions;
    }
    expect(() => names(Listed)).toThrow(TypeError);
    expect(() => names(Listed)).toThrow(expected);
  });

  it.each(RESERVED_NAMES.filter((name) => name !== 'constructor'))('is never called %s: that is a name of Worker', (name) => {
    class Overriding extends Parent {}
    Object.defineProperty(Overriding.prototype, name, { value: () => 'x' });
    const options = { name: 'w', address: 'memory://m', transport: new MemoryNetwork().transport() };
    expect(() => new Overriding(options)).toThrow(
      new TypeError(`class Overriding: '${name}' is a name of Worker, no function can be called so`),
    );
  });

  it('has no name that Worker has and the list of reserved names has not', () => {
    const own = Object.getOwnPropertyNames(Worker.prototype);
    expect(own.filter((name) => !(RESERVED_NAMES as readonly string[]).includes(name))).toEqual([]);
    const worker = new Parent({ name: 'w', address: 'memory://m', transport: new MemoryNetwork().transport() });
    expect(Object.keys(worker).filter((name) => !(RESERVED_NAMES as readonly string[]).includes(name))).toEqual([]);
  });

  it('is something: a class without functions is refused', () => {
    class Nothing extends Worker {}
    expect(() => names(Nothing)).toThrow(/^class Nothing: it has no functions to serve/);
  });
});
