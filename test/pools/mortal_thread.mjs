// For renewer.test.ts: a thread that dies of the first page that it is shown, in its first life. In the next it tells what it is shown.
import { BroadcastChannel, parentPort, workerData } from 'node:worker_threads';

const lives = new Int32Array(/** @type {{ lives: SharedArrayBuffer }} */ (workerData).lives);
const life = Atomics.add(lives, 0, 1) + 1;
const told = new BroadcastChannel(/** @type {{ channel: string }} */ (workerData).channel);

parentPort?.on('message', (page) => {
  if (life === 1) throw new Error('it dies');
  told.postMessage(page);
});
parentPort?.postMessage('ready');
