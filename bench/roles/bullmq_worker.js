// @ts-check
import { Worker } from 'bullmq';
import { noop, sleep } from './functions.js';
import { config, serve } from './role.js';

const { port, queue, concurrency } = /** @type {{ port: number, queue: string, concurrency: number }} */ (config);

const worker = new Worker(
  queue,
  async ({ name, data }) => {
    const payload = Buffer.from(data, 'base64');
    const result = name === 'sleep' ? await sleep(payload) : noop(payload);
    return result.toString('base64');
  },
  { connection: { host: '127.0.0.1', port }, concurrency },
);
await worker.waitUntilReady();
serve({});
