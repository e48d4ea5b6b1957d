// @ts-check
/** Where and with what it was measured. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { version as libzmq } from 'zeromq';
import { redisVersion } from './systems.js';

/** @param {string} name */
function versionOf(name) {
  const path = new URL(name === '.' ? '../package.json' : `../node_modules/${name}/package.json`, import.meta.url);
  return /** @type {{ version: string }} */ (JSON.parse(readFileSync(path, 'utf8'))).version;
}

/** @returns {string} */
function commit() {
  const cwd = new URL('..', import.meta.url);
  try {
    const git = (/** @type {string[]} */ ...args) =>
      execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const changed = git('status', '--porcelain', '--', 'src').trim() !== '';
    return ` (${git('rev-parse', '--short', 'HEAD').trim()}${changed ? ', with changes' : ''})`;
  } catch {
    return '';
  }
}

function system() {
  try {
    const found = /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync('/etc/os-release', 'utf8'));
    if (found) return `${found[1]}, `;
  } catch {
    // Not Linux.
  }
  return '';
}

/** To be asked before the first run: the load is the others'. @returns {string[]} lines of Markdown */
export function machine() {
  const redis = redisVersion();
  const peers = [
    ...['piscina', 'workerpool'].map((name) => `${name} ${versionOf(name)}`),
    redis === undefined
      ? 'BullMQ left out: there is no redis-server on the PATH'
      : `bullmq ${versionOf('bullmq')} with redis-server ${redis}`,
  ];
  const gib = Math.round(totalmem() / 2 ** 30);
  return [
    `- Machine: ${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${gib} GiB, ${system()}${type()} ${release()}, loopback TCP`,
    `- Load of the last minute, before: ${loadavg()[0]?.toFixed(2)}`,
    `- Versions: gristmill ${versionOf('.')}${commit()}, node ${process.version}, zeromq.js ${versionOf('zeromq')} (libzmq ${libzmq}), ${peers.join(', ')}`,
  ];
}
