/** The thread of a Renewer. It must never load zeromq. */
import { Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { SeenJobs } from '../held.ts';
import { insistent } from './connections.ts';
import { prefixOf, type RedisSettings } from './settings.ts';

/** How often a Redis that refuses is asked. */
const AGAIN_MS = 500;

const { url, queue: name, lockMs } = workerData as RedisSettings;
const connection = insistent(new Redis(url, { maxRetriesPerRequest: null }));
// Whoever serves the queue says what is wrong with Redis.
connection.on('error', () => undefined);
const queue = new Queue(name, { connection, prefix: prefixOf(name), skipVersionCheck: true });
queue.on('error', () => undefined);
const held = new SeenJobs();

function renew(id: string, token: string): void {
  // A lock that is gone: the job runs elsewhere, and what comes of it here is refused.
  new Job(queue, '', null, {}, id).extendLock(token, lockMs).catch(() => undefined);
}

function renewAll(): void {
  for (const [id, token] of held.all()) renew(id, token);
}

parentPort?.on('message', (page: SharedArrayBuffer) => held.add(page));

setInterval(renewAll, lockMs / 4);

for (let isReady = false; !isReady;) {
  isReady = await connection.ping().then(
    () => true,
    () => pause(AGAIN_MS, false),
  );
}
// What is there by now was kept by a thread that has ended, and may have little time left.
renewAll();
parentPort?.postMessage('ready');
