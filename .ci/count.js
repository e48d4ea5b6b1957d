// @ts-check
/**
 * `node count.js REPORT [FAILED_STEP…]`: prints `N passed, N failed, N skipped` from vitest's JSON report, and exits with 1 unless all is well.
 *
 * A test file that could not run counts as failed, and so does each failed step; the step `tests` only if no test explains it.
 */
import { readFileSync } from 'node:fs';

/**
 * @typedef {{ status: string }} Assertion
 * @typedef {{ name: string, status: string, assertionResults: Assertion[] }} File
 */

const [path = '', ...failedSteps] = process.argv.slice(2);

/** @returns {File[] | undefined} */
function readReport() {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults;
  } catch {
    return undefined;
  }
}

const files = readReport();
const statuses = (files ?? []).flatMap(({ assertionResults }) => assertionResults.map(({ status }) => status));
const broken = (files ?? []).filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
);
const passed = statuses.filter((status) => status === 'passed').length;
const failedTests = statuses.filter((status) => status === 'failed').length + broken.length;
const skipped = statuses.length - passed - statuses.filter((status) => status === 'failed').length;

const otherSteps = failedSteps.filter((step) => step !== 'tests').length;
const unexplained = failedTests === 0 && (failedSteps.includes('tests') || (passed === 0 && failedSteps.length === 0)) ? 1 : 0;
const failed = failedTests + otherSteps + unexplained;

const skipsFail = process.env['CI'] === 'true' && skipped > 0;
if (skipsFail) console.log('skipped tests fail the run under CI');
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || skipsFail ? 1 : 0;
