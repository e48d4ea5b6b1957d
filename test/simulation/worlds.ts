/** Small worlds by the thousand, for the files of tests that share them. */
import { simulate, smallWorld } from '../../src/simulator/index.ts';

/** What happened that must not, in worlds from `first` on; and how to see it. */
export function violations(first: number, count: number): string[] {
  const found: string[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const { violation } = simulate({ ...smallWorld(seed), history: false });
    if (violation !== undefined) found.push(`SEED=${seed} npm run simulate   # ${violation}`);
  }
  return found;
}

/** Seeds in blocks, so that a failure says early where it is. */
export function blocks(first: number, last: number): { from: number; count: number }[] {
  const size = 200;
  return Array.from({ length: Math.ceil((last - first + 1) / size) }, (_, i) => ({ from: first + i * size, count: size }));
}
