// @ts-check
/**
 * Compiles src/ to dist/. It compiles to a folder beside it and swaps the two, so that dist/ never holds stale files, nor half a build.
 *
 * It runs as `prepare`, so a plain `npm install` builds the package. Without the compiler (`npm install --omit=dev`) an existing build stays.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const fresh = join(root, `.dist-${process.pid}`);
const stale = join(root, `.dist-${process.pid}-old`);

/** @returns {string | undefined} */
function findCompiler() {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
  } catch {
    return undefined;
  }
}

/** @returns {number} the exit code */
function build() {
  const compiler = findCompiler();
  if (compiler === undefined) {
    const built = existsSync(join(dist, 'index.js'));
    console.error(
      built ? 'typescript is not installed: dist/ stays as it is' : `typescript is not installed: run npm install in ${root} first`,
    );
    return built ? 0 : 1;
  }
  const { status, error } = spawnSync(process.execPath, [compiler, '-p', join(root, 'tsconfig.build.json'), '--outDir', fresh], {
    stdio: 'inherit',
  });
  if (error) console.error(error.message);
  if (status !== 0) return status ?? 1;
  // npm makes a package's command executable when it installs it, but not when the package is linked and built again.
  chmodSync(join(fresh, 'cli', 'main.js'), 0o755);
  if (existsSync(dist)) renameSync(dist, stale);
  renameSync(fresh, dist);
  return 0;
}

try {
  process.exitCode = build();
} finally {
  for (const name of readdirSync(root))
    if (name.startsWith(`.dist-${process.pid}`)) rmSync(join(root, name), { recursive: true, force: true });
}
