// @ts-check
/** What jobs carry, the same for all systems. */

/** In memory of its own: a thread would be sent a copy of all the memory that a small Buffer shares with others. @param {number} bytes */
export function payloadOf(bytes) {
  return Buffer.alloc(bytes, 'a message');
}

/** A job that sleeps: its index, and how long. @param {number} index @param {number} ms */
export function sleepingJob(index, ms) {
  return pair(index, ms);
}

/** Two numbers as bytes. @param {number} a @param {number} b */
export function pair(a, b) {
  const bytes = Buffer.alloc(16);
  bytes.writeDoubleLE(a, 0);
  bytes.writeDoubleLE(b, 8);
  return bytes;
}

/** @param {Uint8Array} bytes @returns {[number, number]} */
export function unpair(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return [view.getFloat64(0, true), view.getFloat64(8, true)];
}
