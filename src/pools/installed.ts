/** Packages that an engine needs, and that are installed by whoever uses it. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

/** @throws Error with code MODULE_NOT_FOUND that says what to install */
export function checkInstalled(what: string, packages: readonly string[]): void {
  const missing = packages.filter((name) => {
    try {
      require.resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const text = `${what}: ${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not installed: npm install ${packages.join(' ')}`;
  throw Object.assign(new Error(text), { code: 'MODULE_NOT_FOUND' });
}
