/** Servers of other makers, each of its own on a free port, with a folder that outlives a kill. */
import { AuthorizationError, connect as connectToNats } from '@nats-io/transport-node';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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

  /** Writes its file of that name, and has it read. */
  async configure(file: string, text: (folder: string) => string): Promise<void> {
    await writeFile(join(this.#folder, file), text(this.#folder));
    this.#child?.kill('SIGHUP');
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

const CONFIG = 'nats.conf';

function natsConfig(folder: string, users: string): string {
  return `jetstream { store_dir: "${folder}" }\n${users}`;
}

/** A nats-server that lets everybody in, until `guard` says otherwise. */
export function guardedNatsServer(): Promise<ServerProcess> {
  return ServerProcess.start('nats-server', (port, folder) => {
    writeFileSync(join(folder, CONFIG), natsConfig(folder, ''));
    return `-a 127.0.0.1 -p ${port} -c ${join(folder, CONFIG)}`.split(' ');
  });
}

/** How often a server is asked whether it has read what it wants. */
const MOST_ASKED = 2_000;

/** From now on it lets in `user` with this password only, who may not subscribe to a subject. */
export async function forbid(server: ServerProcess, password: string, subject: string): Promise<void> {
  const permissions = `permissions: { publish: ">", subscribe: { allow: ">", deny: "${subject}" } }`;
  await guard(server, password, `authorization { users: [{ user: user, password: "${password}", ${permissions} }] }`);
}

/** From now on it wants this password of `user`; undefined: it lets everybody in. It reads that some time after it was told to. */
export async function guard(
  server: ServerProcess,
  password: string | undefined,
  users = password === undefined ? '' : `authorization { user: user, password: "${password}" }`,
): Promise<void> {
  await server.configure(CONFIG, (folder) => natsConfig(folder, users));
  for (let asked = 0; asked < MOST_ASKED; asked += 1) if ((await letsAnybodyIn(server)) === (password === undefined)) return;
  throw new Error(`nats-server: it did not read ${CONFIG}`);
}

/** undefined: the connection broke, as all do when it reads what it wants. */
async function letsAnybodyIn({ port }: ServerProcess): Promise<boolean | undefined> {
  try {
    const connection = await connectToNats({ servers: `127.0.0.1:${port}`, reconnect: false });
    await connection.close();
    return true;
  } catch (error) {
    return error instanceof AuthorizationError ? false : undefined;
  }
}

/** A nats-server with JetStream in files. */
export function natsServer(): Promise<ServerProcess> {
  return ServerProcess.start('nats-server', (port, folder) => `-a 127.0.0.1 -p ${port} -js -sd ${folder}`.split(' '));
}
