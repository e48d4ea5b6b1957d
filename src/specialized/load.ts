/** Finds the module of a specialized worker by its name. */
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtin } from '../common/builtin.ts';
import { isSpecialized, type Specialized } from './define.ts';

const ENDINGS = ['', '.js', '.mjs', '.cjs', '/index.js', '/index.mjs'];

/**
 * Loads what a module defines as its default export (or as its only export that is a specialized worker). The name is a path from the
 * working directory, with or without its ending, or that of a package, as `cool_package/the_sworker`.
 *
 * @throws Error that names the module, and what is wrong with it
 */
export async function loadSpecialized(name: string, from: string = process.cwd()): Promise<Specialized> {
  const url = find(name, from);
  if (url === undefined) throw new Error(`specialized worker '${name}': no such module, neither from ${from} nor among its packages`);
  const module = (await import(url)) as Record<string, unknown>;
  const found = [...new Set([module['default'], ...Object.values(module)])].filter(isSpecialized);
  const [only] = isSpecialized(module['default']) ? [module['default']] : found;
  if (only === undefined || (found.length > 1 && only !== module['default']))
    throw new Error(
      `specialized worker '${name}': expected its default export to be made by defineSpecializedWorker(), found ${found.length} in ${url}`,
    );
  return only;
}

function find(name: string, from: string): string | undefined {
  if (name.startsWith('file:')) return name;
  for (const base of [resolve(from, name), join(from, 'node_modules', name)]) {
    const path = ENDINGS.map((ending) => base + ending).find((one) => builtin('fs').statSync(one, { throwIfNoEntry: false })?.isFile());
    if (path !== undefined) return pathToFileURL(path).href;
  }
  try {
    return pathToFileURL(createRequire(join(from, 'package.json')).resolve(name)).href;
  } catch {
    return undefined;
  }
}
