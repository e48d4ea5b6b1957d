import { defineConfig } from 'vitest/config';

/** With `GRISTMILL_TEST_REPORT=file.json` the results are written there as JSON, too. */
const report = process.env['GRISTMILL_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // zeromq in a worker thread ends the process when the thread ends: processes only.
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // A flaky test is a bug, of the test or of the code.
    retry: 0,
    allowOnly: false,
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text', 'html'] },
  },
});
