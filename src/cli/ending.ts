/** How the process of a worker ends. */
import { EXIT, UsageError } from './verb.ts';

/** By name: the user's module may have a copy of this package of its own. */
export function isConnectError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ConnectError';
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  return isConnectError(error) ? EXIT.noMaster : EXIT.failed;
}
