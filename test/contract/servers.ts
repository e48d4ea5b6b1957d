/** Servers of other makers, each of its own on a free port, with a folder that outlives a kill. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { freePort } from '../integration/ports.ts';

/** Where Debian puts servers, which is not on everyone's PATH. */
const FOLDERS = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

/** Says so on one line if a program is not there. */
export function have(program: string, of: string, install: string): boolean {
  if (find(program) !== undefined) return true;
  process.stderr.write(`skipped: ${of}: ${program} is not installed (${install})\n`);
  return false;
}

function find(program: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

export class ServerProcess implements AsyncDisposable {
  readonly port: number;
  readonly #program: string;
  readonly #folder: string;
  readonly #args: (port: number, folder: string) => string[];
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  readonly #kill = (): void => void this.#child?.kill('SIGKILL');

  private constructor(program: string, port: number, folder: string, args: (port: number, folder: string) => string[]) {
    this.#program = program;
    this.port = port;
    this.#folder = folder;
    this.#args = args;
    process.on('exit', this.#kill);
  }

  static async start(program: string, args: (port: number, folder: string) => string[]): Promise<ServerProcess> {
    const server = new ServerProcess(program, await freePort(), await mkdtemp(join(tmpdir(), 'gristmill-server-')), args);
    await server.start();
    return server;
  }

  /** Starts it, or another one in its place. Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(find(this.#program) as string, this.#args(this.port, this.#folder), { stdio: 'ignore' });
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', resolve);
    });
    while (child.exitCode === null && child.signalCode === null) if (await listens(this.port)) return;
    throw new Error(`${this.#program} ended with exit code ${child.exitCode}`);
  }

  async kill(): Promise<void> {
    this.#kill();
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    process.off('exit', this.#kill);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Whether something listens there; it is told some milliseconds after it was asked. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => setTimeout(resolve, 5, false));
  });
}

/** A redis-server that answers once what it was told is in its append-only file: with `everysec` it may be up to two seconds ahead of that. */
export function redisServer(): Promise<ServerProcess> {
  return ServerProcess.start('redis-server', (port, folder) =>
    `--port ${port} --bind 127.0.0.1 --dir ${folder} --appendonly yes --appendfsync always`.split(' '),
  );
}

/** A nats-server with JetStream in files. */
export function natsServer(): Promise<ServerProcess> {
  return ServerProcess.start('nats-server', (port, folder) => `-a 127.0.0.1 -p ${port} -js -sd ${folder}`.split(' '));
}
