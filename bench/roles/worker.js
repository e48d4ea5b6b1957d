// @ts-check
import { Worker } from 'gristmill';
import { noop, sleep } from './functions.js';
import { quiet } from './quiet.js';
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
await new BenchWorker({ name, address, logger: quiet }).start();
serve({ welcomedAt: epochMs() });
