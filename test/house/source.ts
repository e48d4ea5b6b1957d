/** Reads source files as syntax trees, for the house's checks. Nothing here knows a rule. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative, sep } from 'node:path';
import { parseSync } from 'oxc-parser';

/** A node of the syntax tree (ESTree, with TypeScript's nodes). */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface Source {
  /** Relative to the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly program: Node;
}

export interface Import {
  readonly specifier: string;
  /** The file it names, relative to the project's root; undefined for a package or a `node:` module. */
  readonly path: string | undefined;
  readonly line: number;
}

export function parse(path: string, text: string): Source {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new SyntaxError(`${path}: ${errors.map((error) => error.message).join('; ')}`);
  return { path, text, program: program as unknown as Node };
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}

/** Calls `visit` for the node and all below it, with what is above it. */
export function walk(node: Node, visit: (node: Node, parent: Node | undefined, field: string) => void, parent?: Node, field = ''): void {
  visit(node, parent, field);
  for (const [name, value] of Object.entries(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value]) if (isNode(child)) walk(child, visit, node, name);
  }
}

export function lineOf(source: Source, offset: number): number {
  return source.text.slice(0, offset).split('\n').length;
}

export function countLines(text: string): number {
  return text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
}

/** Every import and re-export with a literal specifier: static, dynamic, and of types. */
export function importsOf(source: Source): Import[] {
  const imports: Import[] = [];
  walk(source.program, (node) => {
    const named = /^(?:Import|ExportNamed|ExportAll)Declaration$|^ImportExpression$|^TSImportType$|^TSExternalModuleReference$/.test(
      node.type,
    );
    const literal = named ? (node['source'] ?? node['expression']) : undefined;
    if (!isNode(literal) || typeof literal['value'] !== 'string') return;
    const specifier = literal['value'];
    const path = specifier.startsWith('.') ? posix.join(posix.dirname(source.path), specifier) : undefined;
    imports.push({ specifier, path, line: lineOf(source, node.start) });
  });
  return imports;
}

/** The files below `folder` whose names end so, relative to `root`; none if there is no such folder. */
export function listFiles(root: string, folder: string, endings: readonly string[]): string[] {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true, recursive: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return entries
    .filter((entry) => entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !path.includes('node_modules/'))
    .toSorted();
}

export function readSources(root: string, folder: string, endings: readonly string[] = ['.ts']): Source[] {
  return listFiles(root, folder, endings).map((path) => parse(path, readFileSync(join(root, path), 'utf8')));
}
