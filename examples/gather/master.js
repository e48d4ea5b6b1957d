// @ts-check
// node master.js [ADDRESS]
import { Master } from 'gristmill';

class MyMaster extends Master {
  /** How many results of each stream have been gathered, so that clients do not count each other's. */
  gathered = new Map();

  /** Every message goes to the workers three times. */
  *scatter(message) {
    for (let i = 0; i < 3; i += 1) yield message;
  }

  /** The 30th result of a stream is replaced. */
  *gather(message) {
    const count = (this.gathered.get(message.stream) ?? 0) + 1;
    this.gathered.set(message.stream, count);
    if (count < 30) yield message;
    else {
      this.gathered.delete(message.stream);
      yield message.with({ payload: 'Final message' });
    }
  }
}

const master = new MyMaster({ name: 'master', address: process.argv[2] ?? 'tcp://127.0.0.1:5555' });
await master.start({ signals: true });
console.log(`${master.name} listens at ${master.address}`);
