/** Finds the class that a user's module exports. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from './verb.ts';

type Class = abstract new (...args: never[]) => object;

/** The file's absolute path; a UsageError if there is none. */
export async function findFile(file: string): Promise<string> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) throw new UsageError(`${file}: no such file`);
  return path;
}

/**
 * The default export, or else the only export, that is a class of a kind. Undefined if the module exports nothing at all: then it is a
 * program that did its work when it was loaded.
 *
 * A class is known by the name of its base, since the module may have a copy of this package of its own.
 */
export async function loadClass(path: string, base: 'Master' | 'Worker'): Promise<Class | undefined> {
  const module = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  const fallback = module['default'];
  if (extendsBase(fallback, base)) return fallback;
  const classes = [...new Set([...Object.values(module), ...membersOf(fallback)])].filter((value) => extendsBase(value, base));
  const [only] = classes;
  if (only !== undefined && classes.length === 1) return only;
  if (classes.length > 1)
    throw new UsageError(`${path}: exports ${classes.length} classes that extend ${base}; make one the default export`);
  const names = Object.keys(module).filter((name) => name !== 'default' && name !== 'module.exports');
  if (names.length === 0 && (fallback === undefined || isEmpty(fallback))) return undefined;
  throw new UsageError(`${path}: exports no class that extends ${base}`);
}

/**
 * Ends the process with a SyntaxError: where the text is wrong, only Node itself says, and of an error that nobody catches. What was loaded
 * before may have meant to.
 */
export function leaveToNode(error: SyntaxError): Promise<never> {
  process.removeAllListeners('uncaughtException');
  process.setUncaughtExceptionCaptureCallback(null);
  setImmediate(() => {
    throw error;
  });
  return new Promise(() => undefined);
}

/** What a CommonJS module exports that exports nothing. */
function isEmpty(value: unknown): boolean {
  return value !== null && typeof value === 'object' && Object.keys(value).length === 0;
}

/** The exports of a CommonJS module. */
function membersOf(value: unknown): unknown[] {
  return value !== null && typeof value === 'object' ? Object.values(value) : [];
}

function extendsBase(value: unknown, base: string): value is Class {
  for (let at = value; typeof at === 'function'; at = Object.getPrototypeOf(at) as unknown) if (at.name === base) return true;
  return false;
}
