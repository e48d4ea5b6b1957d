// @ts-check
// node master.js [ADDRESS]
import { Master } from 'gristmill';

class MyMaster extends Master {
  /** Every message goes to the workers three times. */
  *scatter(message) {
    for (let i = 0; i < 3; i += 1) yield message;
  }
}

const master = new MyMaster({ name: 'master', address: process.argv[2] ?? 'tcp://127.0.0.1:5555' });
await master.start({ signals: true });
console.log(`${master.name} listens at ${master.address}`);
