// @ts-check
/**
 * Keeps a redis-server or a nats-server of its own on a free port, and stops it when it ends. Its data is in a file, as one would run it;
 * a Redis may have it `inMemory` only.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { config, serve } from './role.js';

const { engine, inMemory = false } = /** @type {{ engine: 'redis' | 'nats', inMemory?: boolean }} */ (config);
const folder = mkdtempSync(join(tmpdir(), 'gristmill-bench-'));

/** @returns {Promise<number>} */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === 'object' ? address.port : 0));
    });
  });
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    const done = (/** @type {boolean} */ answer) => {
      probe.destroy();
      resolve(answer);
    };
    probe.once('connect', () => done(true)).once('error', () => done(false));
  });
}

const port = await freePort();
const args = {
  redis: ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--loglevel', 'warning'],
  nats: ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder, '--log', join(folder, 'log')],
};
const keeping = { redis: inMemory ? ['--save', '', '--appendonly', 'no'] : ['--appendonly', 'yes'], nats: [] };
const server = spawn(`${engine}-server`, [...args[engine], ...keeping[engine]], { stdio: ['ignore', 'ignore', 'inherit'] });
server.once('exit', (code) => process.exit(code ?? 1));
server.once('error', (error) => {
  console.error(`${engine}-server: ${error.message}`);
  process.exit(1);
});
process.once('exit', () => {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0));

while (!(await answers(port))) await wait(20);
serve({ address: `${engine}://127.0.0.1:${port}`, port: String(port) });
