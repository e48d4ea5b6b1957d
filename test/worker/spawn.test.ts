import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type SpawnOptions, type SpawnedWorkers, spawnWorkers } from '../../src/worker/spawn.ts';

const MODULE = new URL('fixtures/spawned.mjs', import.meta.url);

/** Where spawned processes report: each has a connection, which closes when it ends. */
class Gate implements AsyncDisposable {
  readonly #server: Server = createServer((socket) => this.#joined(socket));
  readonly sockets = new Map<string, { readonly socket: Socket; readonly manner: string | undefined; readonly closed: Promise<unknown> }>();
  #changed: () => void = () => undefined;

  static async open(): Promise<Gate> {
    const gate = new Gate();
    gate.#server.listen(0, '127.0.0.1');
    await once(gate.#server, 'listening');
    return gate;
  }

  get address(): string {
    return `tcp://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #joined(socket: Socket): void {
    const closed = new Promise((resolve) => {
      socket.once('close', resolve);
    });
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      const { name, manner } = JSON.parse(data.toString()) as { name: string; manner?: string };
      this.sockets.set(name, { socket, manner, closed });
      this.#changed();
    });
  }

  async count(count: number): Promise<void> {
    while (this.sockets.size < count) {
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.sockets.values()) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

async function spawned(gate: Gate, options: Partial<SpawnOptions> = {}): Promise<SpawnedWorkers> {
  const workers = spawnWorkers(MODULE, { address: gate.address, count: 2, logger: false, ...options });
  await gate.count(workers.workers.length);
  return workers;
}

describe('spawnWorkers', () => {
  it('runs the module in as many processes as are asked for, each with a name, the address and the arguments', async () => {
    await using gate = await Gate.open();
    await using workers = await spawned(gate, { count: 3, args: ['polite'] });
    expect(workers.workers.map(({ name }) => name)).toEqual(['worker1', 'worker2', 'worker3']);
    expect([...gate.sockets.keys()].toSorted()).toEqual(['worker1', 'worker2', 'worker3']);
    expect(gate.sockets.get('worker2')?.manner).toBe('polite');
    await workers.stop();
    expect(await Promise.all(workers.workers.map(({ exited }) => exited))).toEqual(workers.workers.map(() => ({ code: 0, signal: null })));
  });

  it('kills those that do not stop within the deadline', async () => {
    await using gate = await Gate.open();
    const workers = await spawned(gate, { count: 1, args: ['stubborn'], name: 'mule' });
    await workers.stop({ deadlineMs: 50 });
    expect(await workers.workers[0]?.exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect([...gate.sockets.keys()]).toEqual(['mule1']);
  });

  it('says when one ends by itself, and leaves the others alone', async () => {
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    await using gate = await Gate.open();
    await using workers = await spawned(gate, { logger: { info: say, warn: say, error: say } });
    gate.sockets.get('worker1')?.socket.write('3');
    expect(await workers.workers[0]?.exited).toEqual({ code: 3, signal: null });
    expect(lines).toEqual(['worker1 has ended: exit code 3']);
    await workers.stop();
    expect(lines.length).toBe(1);
  });

  it('ends the processes when the parent is killed', async () => {
    await using gate = await Gate.open();
    const parent = spawn(process.execPath, [fileURLToPath(new URL('fixtures/parent.mjs', import.meta.url)), gate.address]);
    await gate.count(2);
    parent.kill('SIGKILL');
    await Promise.all([...gate.sockets.values()].map(({ closed }) => closed));
    expect(gate.sockets.size).toBe(2);
  });

  it.each([
    [undefined, { address: 'tcp://127.0.0.1:1' }, 'spawnWorkers: expected the URL or path of a module, got undefined'],
    [MODULE, { address: 5 }, 'spawnWorkers: address'],
    [MODULE, { address: 'tcp://127.0.0.1:1', count: 0 }, 'spawnWorkers: count: expected a whole number from 1 to 4096, got 0'],
    [MODULE, { address: 'tcp://127.0.0.1:1', counts: 1 }, "unknown option 'counts'"],
  ])('refuses wrong arguments', (module, options, message) => {
    expect(() => spawnWorkers(module as URL, options as unknown as SpawnOptions)).toThrow(message);
  });
});
