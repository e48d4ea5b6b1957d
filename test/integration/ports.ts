/**
 * Ports for what is started a moment later. They lie below those that the system gives to connections that dial, any of which might take
 * one meanwhile; and no two of the processes that run tests at a time try the same.
 */
import { createServer } from 'node:net';

const LOWEST_PORT = 10_000;
/** Of each process that runs tests. */
const SHARE = 2_500;
const SHARES = 8;

const first = LOWEST_PORT + SHARE * (Number(process.env['VITEST_POOL_ID'] ?? 0) % SHARES);
let tried = Math.floor(Math.random() * SHARE);

/** A TCP port that is free on all of these hosts, and that nobody else in this process was given before. */
export async function freePort(hosts: readonly string[] = ['127.0.0.1']): Promise<number> {
  for (;;) {
    const port = first + (tried % SHARE);
    tried += 1;
    const free = await Promise.all(hosts.map((host) => isFree(host, port)));
    if (free.every(Boolean)) return port;
  }
}

export async function freeAddress(): Promise<string> {
  return `tcp://127.0.0.1:${await freePort()}`;
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
