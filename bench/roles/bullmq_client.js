// @ts-check
/** Drives BullMQ: jobs go in in bulk, as many as were asked for in one turn; results come back as events. Bytes travel as base64. */
import { Queue, QueueEvents } from 'bullmq';
import { drivenBy } from './by_promise.js';
import { config, serve } from './role.js';

const WINDOW = 2_000;

const { port, queue: name } = /** @type {{ port: number, queue: string }} */ (config);
const connection = { host: '127.0.0.1', port };
const queue = new Queue(name, { connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true } });
const events = new QueueEvents(name, { connection });

/** @type {Map<string, { resolve: (result: Buffer) => void, reject: (error: Error) => void }>} */
const waiting = new Map();
/** @type {{ name: string, data: string, opts: { jobId: string } }[]} */
let bulk = [];
let last = 0;

events.on('completed', ({ jobId, returnvalue }) => {
  waiting.get(jobId)?.resolve(Buffer.from(returnvalue, 'base64'));
  waiting.delete(jobId);
});
events.on('failed', ({ jobId, failedReason }) => {
  waiting.get(jobId)?.reject(new Error(failedReason));
  waiting.delete(jobId);
});

async function flush() {
  const jobs = bulk;
  bulk = [];
  try {
    await queue.addBulk(jobs);
  } catch (error) {
    for (const { opts } of jobs) waiting.get(opts.jobId)?.reject(/** @type {Error} */ (error));
  }
}

await events.waitUntilReady();
await queue.waitUntilReady();

serve(
  {},
  drivenBy(
    (task, payload) =>
      new Promise((resolve, reject) => {
        last += 1;
        const jobId = `job-${last}`;
        waiting.set(jobId, { resolve, reject });
        if (bulk.length === 0) queueMicrotask(() => void flush());
        bulk.push({ name: task, data: payload.toString('base64'), opts: { jobId } });
      }),
    WINDOW,
  ),
);
