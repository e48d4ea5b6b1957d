/** What the verbs of the command have in common: their shape, their exit codes, the options that more than one of them takes. */
import type { Argv } from 'yargs';
import { Client } from '../client/client.ts';
import { withoutLogin } from '../common/login.ts';
import { ConnectError } from '../errors.ts';
import { engineOf } from '../transport/addresses.ts';

/** What scripts can rely on. `gristmill --help` says the same. */
export const EXIT = { ok: 0, failed: 1, usage: 2, noMaster: 3 } as const;

/** What a verb may take to come to its end once its client is closed. */
const STOP_MS = 1_000;

export const DEFAULT_ADDRESS = 'tcp://127.0.0.1:5555';

/** Something is wrong with the arguments, which only showed when they were used. */
export class UsageError extends Error {}

/** The user asked it to stop before it was done. */
export class StoppedError extends Error {
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal);
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

export interface Verb {
  readonly options: (yargs: Argv) => Argv;
  /** Resolves to the exit code. */
  readonly run: (args: unknown) => Promise<number>;
}

/** A verb from its options, as yargs reads them, and what it does with them. */
export function verb<T>(options: (yargs: Argv) => Argv<T>, run: (args: T) => Promise<number>): Verb {
  return { options, run: (args) => run(args as T) };
}

/** Does something of which a TypeError or RangeError means that an argument was wrong. */
export function asUsage<T>(build: () => T): T {
  try {
    return build();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

export interface WithAddress {
  address: string;
}

export interface WithMaster extends WithAddress {
  timeout: number;
}

/** `--address` of who dials. */
export function addressOption<T>(yargs: Argv<T>): Argv<T & WithAddress> {
  return yargs.option('address', {
    alias: 'a',
    type: 'string',
    requiresArg: true,
    default: DEFAULT_ADDRESS,
    describe: 'Where the master is',
  });
}

/** `--address` and `--timeout` of a verb that asks a master something. */
export function masterOptions<T>(yargs: Argv<T>): Argv<T & WithMaster> {
  return addressOption(yargs).option('timeout', {
    alias: 't',
    type: 'number',
    requiresArg: true,
    default: 10,
    describe: 'Seconds to wait for a master; 0: for ever',
  });
}

/** The arguments of a verb that tells of a master: in an engine's place there is none. */
export function aboutMaster(args: WithMaster): WithMaster {
  const engine = engineOf(args.address);
  if (engine !== undefined)
    throw new UsageError(`--address: expected a master's, got '${withoutLogin(args.address)}': with ${engine} there is none`);
  return args;
}

/** Milliseconds of an option in seconds. */
export function toMs(option: string, seconds: number): number {
  if (!(seconds >= 0 && seconds <= 1_000_000)) throw new UsageError(`${option}: expected a number of seconds, got ${seconds}`);
  return Math.ceil(seconds * 1_000);
}

/** An option that is a whole number. yargs gives NaN for what is none. */
export function checkWhole(option: string, value: number, max: number, min = 1): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new UsageError(`${option}: expected a whole number from ${min} to ${max}, got ${value}`);
}

/** Runs something with a client that is closed in any case. A signal closes it too, so that the master need not find out by itself. */
export async function withClient(args: WithMaster, use: (client: Client) => Promise<number>): Promise<number> {
  const timeoutMs = toMs('--timeout', args.timeout);
  const client: Client = asUsage(() => new Client({ address: args.address, connectTimeoutMs: timeoutMs === 0 ? undefined : timeoutMs }));
  let stopped: StoppedError | undefined;
  const stop = (signal: 'SIGINT' | 'SIGTERM'): void => {
    const { exitCode } = (stopped ??= new StoppedError(signal));
    // What waits for input that never comes is not waited for.
    void client.close().finally(() => setTimeout(() => process.exit(exitCode), STOP_MS).unref());
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await use(client);
  } catch (error) {
    throw stopped ?? error;
  } finally {
    await client.close();
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** The exit code for what was thrown, after it has been said on stderr. */
export function report(error: unknown, verbName: string): number {
  if (error instanceof StoppedError) return error.exitCode;
  // Who reads our output has seen enough: end as other tools do, which SIGPIPE kills.
  if (error instanceof Error && 'code' in error && error.code === 'EPIPE') return 141;
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageError) return complain(message, EXIT.usage, `Try 'gristmill ${verbName} --help'.`);
  return complain(message, error instanceof ConnectError ? EXIT.noMaster : EXIT.failed);
}

/** Says what is wrong, on stderr. Returns the exit code. */
export function complain(message: string, exitCode: number, hint?: string): number {
  process.stderr.write(`gristmill: ${message}\n${hint === undefined ? '' : `${hint}\n`}`);
  return exitCode;
}

/** Writes to stdout, and waits until it has room for more. */
export function print(bytes: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve())));
}

/** Bytes as they are; on a terminal the prompt begins a new line. */
export async function printRaw(bytes: Uint8Array): Promise<void> {
  await print(bytes);
  if (process.stdout.isTTY && bytes.at(-1) !== 10) await print('\n');
}

export async function readStdin(): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
