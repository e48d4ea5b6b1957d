// @ts-check
/** Keeps a redis-server of its own on a free port, in memory only, and stops it when it ends. */
import { spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { serve } from './role.js';

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
const server = spawn(
  'redis-server',
  ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--daemonize', 'no', '--loglevel', 'warning'],
  { stdio: ['ignore', 'ignore', 'inherit'], cwd: '/tmp' },
);
server.once('exit', (code) => process.exit(code ?? 1));
server.once('error', (error) => {
  console.error(`redis-server: ${error.message}`);
  process.exit(1);
});
process.once('exit', () => server.kill('SIGKILL'));
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => process.exit(0));

while (!(await answers(port))) await wait(20);
serve({ port: String(port) });
