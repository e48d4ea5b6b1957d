// @ts-check
// node client.js [URL]
import { PipelinesClient } from 'gristmill/pipelines';
import { asyncPipeline, isOddPipeline } from './pipelines.js';

const client = new PipelinesClient(process.argv[2] ?? 'http://127.0.0.1:5600');

// In a worker, because this call asks for it: answered at once, fetched later.
const response = await client.callPipeline(isOddPipeline, 4, { useWorker: true });
console.log(response.status);
if (response.status !== 'queued') throw new Error(`expected it to be queued: ${response.why}`);
const job = await client.fetchJob(response.jobId, isOddPipeline, { waitMs: 60_000 });
console.log(job.status);
console.log(job.value);

// In the server, because nobody asks for a worker.
const here = await client.callPipeline(isOddPipeline, 4);
console.log(`${here.status} ${here.value}: ${here.why}`);

// In a worker, because the pipeline asks for it; unless the call says no.
const there = await client.callPipeline(asyncPipeline, 4);
console.log(`${there.status}: ${there.why}`);
const refused = await client.callPipeline(asyncPipeline, 4, { useWorker: false });
console.log(`${refused.status} ${refused.value}: ${refused.why}`);
