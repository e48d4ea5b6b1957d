/**
 * What a worker class serves. Pure.
 *
 * The methods on the prototypes between the subclass and the base class, but for accessors, symbols and names that begin with `_`; or
 * exactly those that `static functions` names. What comes from the wire is looked up in the map that is made here, never on an object.
 */
import { shown } from '../common/check.ts';
import { RESERVED_NAMES } from '../streams/reserved.ts';

type Method = (...args: never[]) => unknown;

/** Marks a base class: functions are looked for on the classes below the nearest one. */
export const BASE: unique symbol = Symbol('base class of workers');

/** Marks a class of workers that pass jobs on: time limits and errors are those of who runs them. */
export const RELAYS: unique symbol = Symbol('workers that pass jobs on');

const RESERVED: ReadonlySet<string> = new Set(RESERVED_NAMES);

/**
 * @param cls the subclass
 * @throws TypeError for a function that has a name of the base class, a list that names what is not there, or no function at all
 */
export function servedFunctions(cls: { readonly name: string; readonly prototype: object }): Map<string, Method> {
  const what = `class ${cls.name || '(anonymous)'}`;
  /** The nearest property of each name; those that are no methods hide methods behind them. */
  const nearest = new Map<string, unknown>();
  for (let level: object | null = cls.prototype; level !== null && !isBase(level); level = Object.getPrototypeOf(level) as object | null) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(level))) {
      if (name === 'constructor') continue;
      if (RESERVED.has(name)) throw new TypeError(`${what}: '${name}' is a name of Worker, no function can be called so`);
      if (!nearest.has(name)) nearest.set(name, property.value);
    }
  }
  const methods = new Map([...nearest].filter((entry): entry is [string, Method] => typeof entry[1] === 'function'));
  const listed = listOf(cls, what);
  const names = listed ?? [...methods.keys()].filter((name) => !name.startsWith('_'));
  if (names.length === 0) throw new TypeError(`${what}: it has no functions to serve: give it a method`);
  const served = new Map<string, Method>();
  for (const name of names) {
    const method = methods.get(name);
    if (method === undefined) throw new TypeError(`${what}: functions: expected names of its methods, got ${shown(name)}`);
    served.set(name, method);
  }
  return served;
}

function isBase(prototype: object): boolean {
  return Object.hasOwn(prototype.constructor, BASE);
}

function listOf(cls: object, what: string): string[] | undefined {
  const list = (cls as { functions?: unknown }).functions;
  if (list === undefined) return undefined;
  if (!Array.isArray(list) || !list.every((name) => typeof name === 'string'))
    throw new TypeError(`${what}: functions: expected an array of names, got ${shown(list)}`);
  return list;
}
