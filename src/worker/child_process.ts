/** Node's own, loaded with the first process that is started: it takes as long as a tenth of all our code. */
import type * as childProcessOfNode from 'node:child_process';

export function childProcess(): typeof childProcessOfNode {
  return process.getBuiltinModule('node:child_process');
}
