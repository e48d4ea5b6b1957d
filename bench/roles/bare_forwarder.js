// @ts-check
/**
 * The floor: a master that only forwards, one job a message. Clients' DEALERs on one ROUTER, workers' DEALERs on another, each worker in
 * turn; a job is a frame, and is not looked at.
 *
 * `tuned`: workers on a DEALER, so that no id is read with each result; and sends are not awaited.
 */
import { Dealer, Router } from 'zeromq';
import { unbounded } from './bare.js';
import { config, serve } from './role.js';

const { workers, tuned } = /** @type {{ workers: number, tuned: boolean }} */ (config);
const options = unbounded(tuned);

const front = new Router(options);
await front.bind('tcp://127.0.0.1:*');

/** @type {Buffer[]} */
const ids = [];

/** Each worker says once that it is there, with an empty message. @param {Router} back @param {() => void} allHere */
async function fromWorkers(back, allHere) {
  for await (const [id, ...frames] of back) {
    if (frames.length > 1) {
      await front.send(frames);
      continue;
    }
    if (ids.push(/** @type {Buffer} */ (id)) === workers) allHere();
  }
}

/** @param {Router} back */
async function toWorkers(back) {
  let turn = 0;
  for await (const frames of front) {
    turn = (turn + 1) % ids.length;
    await back.send([/** @type {Buffer} */ (ids[turn]), ...frames]);
  }
}

/** @param {Dealer} back @param {() => void} allHere */
async function fromTunedWorkers(back, allHere) {
  let here = 0;
  for await (const frames of back) {
    if (frames.length > 1) void front.send(frames);
    else if ((here += 1) === workers) allHere();
  }
}

/** @param {Dealer} back */
async function toTunedWorkers(back) {
  for await (const frames of front) void back.send(frames);
}

const back = tuned ? new Dealer(options) : new Router(options);
await back.bind('tcp://127.0.0.1:*');
/** @type {Promise<void>} */
const here = new Promise((resolve) => {
  if (back instanceof Router) void fromWorkers(back, resolve);
  else void fromTunedWorkers(back, resolve);
});
void here.then(() => (back instanceof Router ? toWorkers(back) : toTunedWorkers(back)));

serve({ front: front.lastEndpoint, back: back.lastEndpoint }, { here: () => here });
