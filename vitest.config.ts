import { defineConfig } from 'vitest/config';

/** With `GRISTMILL_TEST_REPORT=file.json` the results are written there as JSON, too. */
const report = process.env['GRISTMILL_TEST_REPORT'];

/** What starts processes of its own, or measures time: never beside the pure tests. */
const PROCESSES = [
  'test/cli/**',
  'test/contract/**',
  'test/integration/**',
  'test/transport/**',
  'test/examples.test.ts',
  'test/package.test.ts',
  'test/worker/spawn.test.ts',
];
const CHAOS = ['test/chaos/**'];
const NOT_TESTS = ['**/node_modules/**', '**/fixtures/**'];

const shared = {
  // zeromq in a worker thread ends the process when the thread ends: processes only.
  pool: 'forks',
  testTimeout: 30_000,
  hookTimeout: 30_000,
  teardownTimeout: 10_000,
  // A flaky test is a bug, of the test or of the code.
  retry: 0,
  allowOnly: false,
} as const;

function files(folders: readonly string[]): string[] {
  return folders.map((folder) => folder.replace('/**', '/**/*.test.ts'));
}

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...NOT_TESTS, ...PROCESSES, ...CHAOS],
          sequence: { groupOrder: 0 },
        },
      },
      { test: { ...shared, name: 'processes', include: files(PROCESSES), exclude: NOT_TESTS, sequence: { groupOrder: 1 } } },
      {
        test: {
          ...shared,
          name: 'chaos',
          include: files(CHAOS),
          exclude: NOT_TESTS,
          testTimeout: 120_000,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    reporters: report ? ['default', 'json'] : ['default'],
    ...(report ? { outputFile: { json: report } } : {}),
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['text', 'html'] },
  },
});
