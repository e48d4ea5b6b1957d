// @ts-check
import { Worker } from 'gristmill';
import { noop, sleep } from './functions.js';
import { config, epochMs, serve } from './role.js';

class BenchWorker extends Worker {
  /** @param {Buffer} message */
  noop(message) {
    return noop(message);
  }

  /** @param {Buffer} message */
  sleep(message) {
    return sleep(message);
  }
}

const { name, address } = /** @type {{ name: string, address: string }} */ (config);
await new BenchWorker({ name, address }).start();
serve({ welcomedAt: epochMs() });
