// @ts-check

/**
 * Socket options of the bare roles. Without high-water marks nothing is dropped: the client's window is the bound. Without a send
 * time-out a send is done when its call returns, and need not be awaited.
 * @param {boolean} tuned
 */
export function unbounded(tuned) {
  return { sendHighWaterMark: 0, receiveHighWaterMark: 0, linger: 0, ...(tuned ? { sendTimeout: 0 } : {}) };
}
