// @ts-check
// node master.js [ADDRESS]: the head. Its tasklet runs here, with the client of the instance whose resources it holds.
import { fileURLToPath } from 'node:url';
import { grain, Master } from 'gristmill';

const specializedType = fileURLToPath(new URL('redis.js', import.meta.url));
const address = process.argv[2] ?? 'tcp://127.0.0.1:5555';
const master = new Master({ name: 'master', address, policy: grain(), specializedType });

master.tasklet('sort', async (message, job) => {
  const { instance, id } = job;
  const redis = /** @type {import('ioredis').Redis} */ (job.context);
  await redis.rpush(id, ...message.toString().split(' '));
  const sorted = /** @type {string[]} */ (await redis.sort(id));
  await redis.del(id);
  return `${instance} sorted ${sorted.join(' ')}`;
});
await master.start({ signals: true });
console.log(`${master.name} listens at ${master.address}`);
