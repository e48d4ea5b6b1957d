/** Node's own, loaded with the first process that is started: it takes as long as a tenth of all our code. */
import type * as childProcessOfNode from 'node:child_process';
import { createRequire } from 'node:module';

export function childProcess(): typeof childProcessOfNode {
  return createRequire(import.meta.url)('node:child_process') as typeof childProcessOfNode;
}
