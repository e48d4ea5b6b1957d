/**
 * Node's own modules, loaded with the first call. Imported, those that many programs never come to use would take a fifth of the time that
 * the import of this package takes. Two are called for at once all the same, and cost less that way: `import` also reads all that a module
 * offers, and so loads what stands behind its getters.
 */
import { createRequire } from 'node:module';
import type * as childProcess from 'node:child_process';
import type * as crypto from 'node:crypto';
import type * as diagnosticsChannel from 'node:diagnostics_channel';
import type * as dnsPromises from 'node:dns/promises';
import type * as fs from 'node:fs';
import type * as fsPromises from 'node:fs/promises';
import type * as net from 'node:net';
import type * as os from 'node:os';
import type * as perfHooks from 'node:perf_hooks';
import type * as util from 'node:util';
import type * as v8 from 'node:v8';
import type * as vm from 'node:vm';
import type * as workerThreads from 'node:worker_threads';

interface Builtins {
  child_process: typeof childProcess;
  crypto: typeof crypto;
  diagnostics_channel: typeof diagnosticsChannel;
  'dns/promises': typeof dnsPromises;
  fs: typeof fs;
  'fs/promises': typeof fsPromises;
  net: typeof net;
  os: typeof os;
  perf_hooks: typeof perfHooks;
  util: typeof util;
  v8: typeof v8;
  vm: typeof vm;
  worker_threads: typeof workerThreads;
}

const require = createRequire(import.meta.url);
/** Kept, since `require` takes a microsecond or more each time. */
const loaded = new Map<string, unknown>();

export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  let module = loaded.get(name);
  if (module === undefined) loaded.set(name, (module = require(`node:${name}`)));
  return module as Builtins[Name];
}
