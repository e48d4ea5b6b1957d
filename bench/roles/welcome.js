// @ts-check
/** A worker as users write it: says when it was welcomed, and leaves. */
import { Worker } from 'gristmill';

class Newcomer extends Worker {
  /** @param {Buffer} message */
  noop(message) {
    return message;
  }
}

setTimeout(() => process.exit(1), 10_000).unref();
const worker = new Newcomer({ name: 'newcomer', address: process.argv[2] ?? '' });
await worker.start();
console.log(performance.timeOrigin + performance.now());
await worker.stop();
