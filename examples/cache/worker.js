// @ts-check
// node worker.js NAME [ADDRESS]
import { Worker } from 'gristmill';

class MyWorker extends Worker {
  async foo(message) {
    const cached = String(await this.get('cached'));
    return `${this.name}${cached}${message}`;
  }
}

const [name = 'worker', address = 'tcp://127.0.0.1:5555'] = process.argv.slice(2);
await new MyWorker({ name, address }).start({ signals: true });
console.log(`${name} is ready`);
