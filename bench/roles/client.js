// @ts-check
/**
 * Drives gristmill through its public API.
 *
 * @import { Driver } from '../types.ts'
 */
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'gristmill';
import { Flight } from './flight.js';
import { payloadOf, sleepingJob, unpair } from './payloads.js';
import { quiet } from './quiet.js';
import { config, epochMs, serve } from './role.js';

const { address } = /** @type {{ address: string }} */ (config);
const client = new Client({ address, logger: quiet });

/** @param {number} jobs @param {Buffer} payload */
function* payloads(jobs, payload) {
  for (let i = 0; i < jobs; i += 1) yield payload;
}

/** @param {number} jobs @param {Buffer} payload @param {Flight | undefined} flight @param {() => void} [told] */
async function* later(jobs, payload, flight, told) {
  for (let i = 0; i < jobs; i += 1) {
    const room = flight?.start();
    if (room !== undefined) await room;
    told?.();
    yield payload;
  }
}

/** @type {Driver} */
const driver = {
  async throughput({ jobs, bytes, inFlight, source = 'sync' }) {
    const payload = payloadOf(bytes);
    const flight = inFlight > 0 ? new Flight(inFlight) : undefined;
    const from = flight !== undefined || source === 'async' ? later(jobs, payload, flight) : payloads(jobs, payload);
    const startedAt = epochMs();
    let count = 0;
    for await (const result of client.job('noop', from)) {
      if (result.length !== bytes) throw new Error(`a result of ${result.length} bytes, not ${bytes}`);
      count += 1;
      flight?.land();
    }
    if (count !== jobs) throw new Error(`${count} results of ${jobs} jobs`);
    return { startedAt, endedAt: epochMs(), jobs };
  },

  async latency({ jobs, bytes, by = 'stream' }) {
    const payload = payloadOf(bytes);
    /** @type {number[]} */
    const latencies = [];
    const startedAt = epochMs();
    let since = 0;
    const clock = () => {
      since = performance.now();
    };
    const flight = new Flight(1);
    if (by === 'stream') {
      for await (const _ of client.job('noop', later(jobs, payload, flight, clock))) {
        latencies.push(performance.now() - since);
        flight.land();
      }
    } else {
      for (let i = 0; i < jobs; i += 1) {
        clock();
        await client.call('noop', payload);
        latencies.push(performance.now() - since);
      }
    }
    return { startedAt, endedAt: epochMs(), jobs, latencies: latencies.sort((a, b) => a - b) };
  },

  async sleeping({ order }) {
    const jobs = order.map((ms, index) => sleepingJob(index, ms));
    const slept = order.map(() => NaN);
    const startedAt = epochMs();
    for await (const result of client.job('sleep', jobs)) {
      const [index, ms] = unpair(result);
      slept[index] = ms;
    }
    return { startedAt, endedAt: epochMs(), jobs: order.length, slept };
  },
};

/** Queues jobs that nobody serves, by many streams; resolves when the master has them all. */
async function fill(/** @type {{ streams: number, jobs: number }} */ { streams, jobs }) {
  const payload = payloadOf(9);
  const open = Array.from({ length: streams }, () => client.job('noop', payloads(jobs, payload)));
  for (const stream of open) stream.next().catch(() => {});
  for (;;) {
    const { queued } = await client.status();
    if (queued === streams * jobs) return { queued };
    await wait(20);
  }
}

await client.status();
serve({}, { ...driver, fill });
