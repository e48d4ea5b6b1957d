// @ts-check
// node worker.js NAME [ADDRESS]
import { Worker } from 'gristmill';

class MyWorker extends Worker {
  foo(message) {
    return `${this.name} processed ${message}`;
  }
}

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
const worker = new MyWorker({ name, address });
worker.events.on('connected', () => console.log(`${name} is ready`));
await worker.start({ signals: true });
