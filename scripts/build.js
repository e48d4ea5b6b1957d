// @ts-check
/**
 * Builds dist/ from src/: types by the compiler, and the code as a few files instead of a hundred, since Node takes a third of a millisecond
 * for each module. It builds in a folder beside it and swaps the two, so that dist/ never holds stale files, nor half a build.
 *
 * It runs as `prepare`, so a plain `npm install` builds the package. Without the compiler (`npm install --omit=dev`) an existing build stays.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const fresh = join(root, `.dist-${process.pid}`);
const stale = join(root, `.dist-${process.pid}-old`);

/** Files that only the benchmark reaches into. */
const INSIDE = ['master/state'];
/** What loads most of what is pure. */
const ENTRIES_OF_PURE = new Set(['simulator/index', ...INSIDE]);

/** What can be started or imported by its path: what package.json names, and what sources name as files beside them. @returns {string[]} */
function entries() {
  const { bin, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const named = [...Object.values(bin), ...Object.values(exports).map((one) => one.default ?? one)];
  const modules = named.map((path) => /dist\/(.*)\.js$/.exec(path)?.[1]).filter((name) => name !== undefined);
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return [...new Set([...modules, ...INSIDE, ...sources.flatMap((name) => filesNamedIn(name))])];
}

/**
 * Files that a source names relative to itself. The code may end up in any folder of dist/, so they are named from the folder above.
 * @param {string} name
 * @returns {string[]}
 */
function filesNamedIn(name) {
  // Comments give examples of this. They are whole lines; between `/*` and `*/` there may as well be code: 'tcp://*:4242' is text.
  const code = readFileSync(join(root, 'src', name), 'utf8').replace(/^\s*(?:\/?\*|\/\/).*$/gm, '');
  return [...code.matchAll(/new URL\('([^']*)', import\.meta\.url\)/g)].flatMap(([, path = '']) => {
    if (!path.startsWith('../')) throw new Error(`build: src/${name} names ${path}: expected a path from the folder above, as ../cli/x.js`);
    return /^\.\.\/([^.].*)\.js$/.exec(path)?.[1] ?? [];
  });
}

/** All that is loaded with a source. @param {string} from a path @returns {Set<string>} paths */
function loadedWith(from) {
  const found = new Set([from]);
  for (const path of found) {
    const code = readFileSync(path, 'utf8');
    for (const [, names, named = ''] of code.matchAll(/^(?:import|export)\b(?! type)([^;']*?)'(\.[^']*)';/gm)) {
      if (!/^\s*\{(\s*type [^,}]*,?)+\s*\}/.test(names ?? '')) found.add(join(dirname(path), named));
    }
  }
  return found;
}

/**
 * What whoever imports the package loads, in as few files as can be: what simulations load as well, which do without ZeroMQ, the little
 * that threads need, and the rest.
 * @returns {Map<string, 'main' | 'pure' | 'little'>} by path
 */
function together() {
  const zeromq = join(root, 'src/transport/zeromq_bound.ts');
  const pure = loadedWith(join(root, 'src/simulator/index.ts'));
  /** @type {Map<string, 'main' | 'pure' | 'little'>} */
  const found = new Map();
  for (const path of loadedWith(join(root, 'src/index.ts'))) found.set(path, pure.has(path) ? 'pure' : 'main');
  for (const name of entries().filter((name) => !ENTRIES_OF_PURE.has(name))) {
    const loaded = loadedWith(join(root, 'src', `${name}.ts`));
    if (!loaded.has(zeromq)) for (const path of loaded) if (found.has(path)) found.set(path, 'little');
  }
  return found;
}

/** @param {string} dir where the types are already */
async function bundle(dir) {
  const { rolldown } = await import('rolldown');
  const groups = together();
  const codeSplitting = {
    includeDependenciesRecursively: false,
    groups: [{ debugName: 'together', name: (/** @type {string} */ id) => groups.get(id) ?? null }],
  };
  const input = Object.fromEntries(entries().map((name) => [name, join(root, 'src', `${name}.ts`)]));
  const build = await rolldown({
    input,
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    external: (id) => !/^[./]/.test(id) && !id.startsWith(root),
  });
  await build.write({
    dir,
    format: 'esm',
    sourcemap: true,
    // The command knows a user's class by the name of its base; and two of the same name may come to stand in one file.
    keepNames: true,
    // V8 keeps the text, and takes two bytes for each letter if one needs them. What JSDoc says stands in the types.
    charset: 'ascii',
    comments: { jsdoc: false },
    codeSplitting,
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
  });
  await build.close();
}

/** @returns {string | undefined} */
function findCompiler() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  } catch {
    return undefined;
  }
}

/** @returns {Promise<number>} the exit code */
async function build() {
  const compiler = findCompiler();
  if (compiler === undefined) {
    const built = existsSync(join(dist, 'index.js'));
    console.error(
      built ? 'typescript is not installed: dist/ stays as it is' : `typescript is not installed: run npm install in ${root} first`,
    );
    return built ? 0 : 1;
  }
  const { status, error } = spawnSync(
    process.execPath,
    [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh, '--emitDeclarationOnly'],
    {
      stdio: 'inherit',
    },
  );
  if (error) console.error(error.message);
  if (status !== 0) return status ?? 1;
  await bundle(fresh);
  // npm makes a package's command executable when it installs it, but not when the package is linked and built again.
  chmodSync(join(fresh, 'cli', 'main.js'), 0o755);
  if (existsSync(dist)) renameSync(dist, stale);
  renameSync(fresh, dist);
  return 0;
}

try {
  process.exitCode = await build();
} finally {
  for (const name of readdirSync(root))
    if (name.startsWith(`.dist-${process.pid}`)) rmSync(join(root, name), { recursive: true, force: true });
}
