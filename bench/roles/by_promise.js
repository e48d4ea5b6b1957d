// @ts-check
/**
 * Drives a system that answers each job with a promise.
 *
 * @import { Driver } from '../types.ts'
 */
import { Flight } from './flight.js';
import { payloadOf, sleepingJob, unpair } from './payloads.js';
import { epochMs } from './role.js';

/**
 * @param {(name: 'noop' | 'sleep', payload: Buffer) => PromiseLike<Uint8Array>} exec
 * @param {number} window jobs under way, where a task does not say
 * @returns {Driver}
 */
export function drivenBy(exec, window) {
  return {
    async throughput({ jobs, bytes, inFlight }) {
      const payload = payloadOf(bytes);
      const flight = new Flight(inFlight || window);
      const startedAt = epochMs();
      await new Promise((resolve, reject) => {
        let landed = 0;
        const land = (/** @type {Uint8Array} */ result) => {
          if (result.length !== bytes) reject(new Error(`a result of ${result.length} bytes, not ${bytes}`));
          flight.land();
          if ((landed += 1) === jobs) resolve(undefined);
        };
        const send = async () => {
          for (let sent = 0; sent < jobs; sent += 1) {
            const room = flight.start();
            if (room !== undefined) await room;
            exec('noop', payload).then(land, reject);
          }
        };
        void send();
      });
      return { startedAt, endedAt: epochMs(), jobs };
    },

    async latency({ jobs, bytes }) {
      const payload = payloadOf(bytes);
      /** @type {number[]} */
      const latencies = [];
      const startedAt = epochMs();
      for (let i = 0; i < jobs; i += 1) {
        const since = performance.now();
        await exec('noop', payload);
        latencies.push(performance.now() - since);
      }
      return { startedAt, endedAt: epochMs(), jobs, latencies: latencies.sort((a, b) => a - b) };
    },

    async sleeping({ order }) {
      const startedAt = epochMs();
      const results = await Promise.all(order.map((ms, index) => exec('sleep', sleepingJob(index, ms))));
      return { startedAt, endedAt: epochMs(), jobs: order.length, slept: results.map((result) => unpair(result)[1]) };
    },
  };
}
