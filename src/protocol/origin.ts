/** Where a job came from that was passed on. Pure. */

/** The field that says it: no name that a user would give one of theirs. */
export const ORIGIN = 'gristmill.origin';

export interface Origin {
  readonly stream: string;
  readonly client: string;
  readonly index: number;
  /** Attempts elsewhere, before this process had it. */
  readonly attempts: number;
}

/** Undefined where it is none. */
export function readOrigin(value: unknown): Origin | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const { stream, client, index, attempts } = value as Partial<Record<keyof Origin, unknown>>;
  if (typeof stream !== 'string' || typeof client !== 'string' || typeof index !== 'number' || typeof attempts !== 'number')
    return undefined;
  return { stream, client, index, attempts };
}
