/**
 * ZeroMQ itself, loaded with the first transport: its native part takes a third of the time that the import of this package would take
 * otherwise, and who only simulates, asks the command for help or tests a function has no socket. (Bundlers do not see it; what is native
 * has to stay beside a bundle anyway.)
 */
import { createRequire } from 'node:module';
import type * as zmq from 'zeromq';

let loaded: typeof zmq | undefined;

export function zeromq(): typeof zmq {
  loaded ??= createRequire(import.meta.url)('zeromq') as typeof zmq;
  return loaded;
}
