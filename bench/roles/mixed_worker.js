// @ts-check
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'gristmill';
import { quiet } from './quiet.js';
import { config, epochMs, serve } from './role.js';

class MixedWorker extends Worker {
  /** Holds its cores for so long, without using them. @param {Buffer} message @param {import('gristmill').JobContext} job */
  async span(message, job) {
    const from = epochMs();
    const { index, ms } = JSON.parse(message.toString());
    await wait(ms);
    return JSON.stringify({ index, cores: job.resources.cores?.length, from, to: epochMs() });
  }
}

const { name, address, cores } = /** @type {{ name: string, address: string, cores: number }} */ (config);
await new MixedWorker({ name, address, resources: { cores }, logger: quiet }).start();
serve({});
