/** The rules of the house, each a function from sources to complaints. Its tables are in house.test.ts. */
import { posix } from 'node:path';
import { countLines, importsOf, isNode, lineOf, type Node, type Source, walk } from './source.ts';

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

export function longFile(source: Source, maxLines: number): string[] {
  const lines = countLines(source.text);
  return lines > maxLines ? [`${source.path}: ${lines} lines, at most ${maxLines}`] : [];
}

export function longFunctions(source: Source, maxLines: number): string[] {
  return find(source, (node) => {
    if (!FUNCTIONS.has(node.type)) return undefined;
    const lines = countLines(source.text.slice(node.start, node.end));
    return lines > maxLines ? `a function of ${lines} lines, at most ${maxLines}` : undefined;
  });
}

/** Each cycle once, as `a.ts → b.ts → a.ts`. Imports of types count: who reads one file should not have to read the other first. */
export function cycles(sources: readonly Source[]): string[] {
  const edges = new Map(sources.map((source) => [source.path, importsOf(source).flatMap(({ path }) => path ?? [])]));
  const found: string[] = [];
  const finished = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const again = trail.indexOf(path);
    if (again >= 0) found.push([...trail.slice(again), path].join(' → '));
    if (again >= 0 || finished.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    finished.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  return found;
}

export interface Wall {
  /** Globs of files that are pure, unless they are shells. */
  readonly pure: readonly string[];
  readonly shells: readonly string[];
  /** Packages that pure files may import. */
  readonly packages: readonly string[];
  /** Names that pure files may not use. */
  readonly names: readonly string[];
}

function matches(path: string, glob: string): boolean {
  const pattern = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll(/\*\*\/|\*/g, (star) => (star === '*' ? '[^/]*' : '(?:.*/)?'));
  return new RegExp(`^${pattern}$`).test(path);
}

function isPure(path: string, wall: Wall): boolean {
  return wall.pure.some((glob) => matches(path, glob)) && !wall.shells.includes(path);
}

/** What a pure file must not import or use; nothing for a shell. */
export function impurities(source: Source, wall: Wall): string[] {
  if (!isPure(source.path, wall)) return [];
  const imports = importsOf(source)
    .filter(({ specifier, path }) => (path === undefined ? !wall.packages.includes(specifier) : !isPure(path, wall)))
    .map(({ specifier, line }) => `${source.path}:${line}: pure, but imports ${specifier}`);
  const names = new Set(wall.names);
  return [...imports, ...find(source, (node, parent, field) => impurity(node, parent, field, names))];
}

function impurity(node: Node, parent: Node | undefined, field: string, names: ReadonlySet<string>): string | undefined {
  if (FUNCTIONS.has(node.type) && node['async'] === true) return 'pure, but async';
  if (node.type === 'AwaitExpression' || (node.type === 'ForOfStatement' && node['await'] === true) || node['kind'] === 'await using')
    return 'pure, but awaits';
  if (node.type === 'ImportExpression') return 'pure, but imports at run time';
  if (node.type === 'MetaProperty' && isNode(node['meta']) && node['meta']['name'] === 'import') return 'pure, but uses import.meta';
  if (node.type !== 'Identifier' || isMereName(parent, field)) return undefined;
  const name = String(node['name']);
  if (name === 'Math' && !isPureMath(parent)) return 'pure, but uses Math.random (or Math as a value)';
  return names.has(name) ? `pure, but uses ${name}` : undefined;
}

/** Whether the identifier only names a member, like `process` in `machine.process()`. */
function isMereName(parent: Node | undefined, field: string): boolean {
  if (!parent || parent['computed'] === true) return false;
  if (field === 'key') return true;
  if (field === 'property') return parent.type === 'MemberExpression';
  if (field === 'right') return parent.type === 'TSQualifiedName';
  if (field === 'imported') return true;
  return parent.type === 'ExportSpecifier' && field === 'exported';
}

function isPureMath(parent: Node | undefined): boolean {
  if (parent?.type !== 'MemberExpression' || parent['computed'] === true) return false;
  return isNode(parent['property']) && parent['property']['name'] !== 'random';
}

export interface Arrows {
  /** For each room (a folder of src/, or a file in it): the rooms that it may import. `*` is all. */
  readonly rooms: Readonly<Record<string, readonly string[]>>;
  /** For each package: globs of the files that may import it. */
  readonly packages: Readonly<Record<string, readonly string[]>>;
}

/** Imports that run against the arrows, and rooms and packages that have none. */
export function wrongArrows(source: Source, arrows: Arrows): string[] {
  const room = roomOf(source.path);
  const allowed = arrows.rooms[room];
  if (!allowed) return [`${source.path}: what may ${room} import? List it in house.test.ts`];
  return importsOf(source).flatMap(({ specifier, path, line }) => {
    const complaint = path === undefined ? packageComplaint(source.path, specifier, arrows) : roomComplaint(room, roomOf(path), allowed);
    return complaint === undefined ? [] : [`${source.path}:${line}: ${complaint}`];
  });
}

function roomOf(path: string): string {
  const inside = posix.relative('src', path);
  return inside.startsWith('..') ? path : (inside.split('/')[0] ?? '');
}

function roomComplaint(from: string, to: string, allowed: readonly string[]): string | undefined {
  return from === to || allowed.includes(to) || allowed.includes('*') ? undefined : `${from} must not import ${to}`;
}

function packageComplaint(path: string, specifier: string, arrows: Arrows): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const globs = Object.hasOwn(arrows.packages, name) ? arrows.packages[name] : undefined;
  if (!globs) return `who may import ${name}? List it in house.test.ts`;
  return globs.some((glob) => matches(path, glob)) ? undefined : `only ${globs.join(', ')} may import ${name}`;
}

/** Entry files list each public name. */
export function wildcards(source: Source): string[] {
  return find(source, (node) => (node.type === 'ExportAllDeclaration' ? 'exports *: list each name' : undefined));
}

export function anys(source: Source): string[] {
  return find(source, (node) => (node.type === 'TSAnyKeyword' ? 'the type any' : undefined));
}

/** Objects that begin by spreading another. */
export function copies(source: Source): string[] {
  return find(source, (node) => {
    const [first] = node.type === 'ObjectExpression' ? (node['properties'] as Node[]) : [];
    return first?.type === 'SpreadElement' ? source.text.slice(node.start, node.end) : undefined;
  });
}

/** Notes to oneself, and comments that silence the compiler. */
export function notes(source: Pick<Source, 'path' | 'text'>): string[] {
  return source.text
    .split('\n')
    .flatMap(
      (line, index) =>
        /\b(?:TO(?:DO)|FIX(?:ME))\b|@ts-(?:ignore|nocheck)\b/.exec(line)?.map((note) => `${source.path}:${index + 1}: ${note}`) ?? [],
    );
}

/** Tests that do not run, or keep others from running. */
export function heldBackTests(source: Source): string[] {
  return find(source, (node) => {
    if (node.type === 'Identifier' && /^(?:xit|xtest|xdescribe|fit|fdescribe)$/.test(String(node['name']))) return String(node['name']);
    if (node.type !== 'MemberExpression' || !isNode(node['property'])) return undefined;
    const text = source.text.slice(node.start, node.end).replaceAll(/\s/g, '');
    return /^(?:it|test|describe|suite|bench)\b.*(?:\.|\[['"`])(?:skip|only|todo)\b['"`]?\]?$/.test(text) ? text : undefined;
  });
}

/** Files beside it that a source starts or loads (`new URL('../cli/x.js', import.meta.url)`) and that the build does not have. */
export function unbuilt(source: Source, isBuilt: (path: string) => boolean): string[] {
  return find(source, (node) => {
    const call = node.type === 'NewExpression' ? source.text.slice(node.start, node.end) : '';
    const [, path] = /^new URL\('\.\.\/([^']*\.js)', import\.meta\.url\)$/.exec(call) ?? [];
    return path === undefined || isBuilt(path) ? undefined : `dist/${path} is not built`;
  });
}

function find(source: Source, judge: (node: Node, parent: Node | undefined, field: string) => string | undefined): string[] {
  const complaints: string[] = [];
  walk(source.program, (node, parent, field) => {
    const complaint = judge(node, parent, field);
    if (complaint !== undefined) complaints.push(`${source.path}:${lineOf(source, node.start)}: ${complaint}`);
  });
  return complaints;
}
