// @ts-check
/** @import { Driver } from '../types.ts' */
import { Dealer } from 'zeromq';
import { unbounded } from './bare.js';
import { Flight } from './flight.js';
import { payloadOf } from './payloads.js';
import { config, epochMs, serve } from './role.js';

const WINDOW = 10_000;

const { address, tuned } = /** @type {{ address: string, tuned: boolean }} */ (config);
const socket = new Dealer(unbounded(tuned));
socket.connect(address);

/** @param {number} jobs @param {Buffer} payload @param {number} window */
async function roundTrips(jobs, payload, window) {
  const flight = new Flight(window);
  const sending = async () => {
    for (let sent = 0; sent < jobs; sent += 1) {
      const room = flight.start();
      if (room !== undefined) await room;
      if (tuned) void socket.send(payload);
      else await socket.send(payload);
    }
  };
  const sent = sending();
  for (let count = 0; count < jobs; count += 1) {
    const frames = await socket.receive();
    if (frames[0]?.length !== payload.length) throw new Error(`a result of ${frames[0]?.length} bytes, not ${payload.length}`);
    flight.land();
  }
  await sent;
}

/** @type {Driver} */
const driver = {
  async throughput({ jobs, bytes, inFlight }) {
    const payload = payloadOf(bytes);
    const startedAt = epochMs();
    await roundTrips(jobs, payload, inFlight || WINDOW);
    return { startedAt, endedAt: epochMs(), jobs };
  },

  async latency({ jobs, bytes }) {
    const payload = payloadOf(bytes);
    /** @type {number[]} */
    const latencies = [];
    const startedAt = epochMs();
    for (let i = 0; i < jobs; i += 1) {
      const since = performance.now();
      void socket.send(payload);
      await socket.receive();
      latencies.push(performance.now() - since);
    }
    return { startedAt, endedAt: epochMs(), jobs, latencies: latencies.sort((a, b) => a - b) };
  },
};

serve({}, driver);
