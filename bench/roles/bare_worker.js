// @ts-check
import { Dealer } from 'zeromq';
import { unbounded } from './bare.js';
import { config, serve } from './role.js';

const { address, tuned } = /** @type {{ address: string, tuned: boolean }} */ (config);

const socket = new Dealer({ ...unbounded(tuned), immediate: true });
socket.connect(address);

async function work() {
  for await (const frames of socket) {
    if (tuned) void socket.send(frames);
    else await socket.send(frames);
  }
}

socket.sendTimeout = 5_000;
await socket.send('');
socket.sendTimeout = tuned ? 0 : -1;
void work();
serve({});
