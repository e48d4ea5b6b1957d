// @ts-check
// node worker.js NAME [ADDRESS]
import { createHash } from 'node:crypto';
import { Worker } from 'gristmill';

class Hasher extends Worker {
  sha256(bytes) {
    return createHash('sha256').update(bytes).digest('hex');
  }
}

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
const worker = new Hasher({ name, address });
worker.events.on('connected', () => console.log(`${name} is ready`));
await worker.start({ signals: true });
