// @ts-check
// SERVICE=http://127.0.0.1:8080 node master.js [ADDRESS]: the head, and all there is of the worker.
import { fileURLToPath } from 'node:url';
import { grain, Master } from 'gristmill';

const specializedType = fileURLToPath(new URL('cloud.js', import.meta.url));
const address = process.argv[2] ?? 'tcp://127.0.0.1:5555';
// At most two requests at a time.
const master = new Master({ name: 'master', address, policy: grain(), specializedType, instances: { resources: { capacity: 2 } } });

master.tasklet('upper', (message, job) => /** @type {any} */ (job.context).upper(message.toString(), job.signal));
await master.start({ signals: true });
console.log(`${master.name} listens at ${master.address}`);
