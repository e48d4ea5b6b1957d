// @ts-check
/** @param {Buffer} payload */
export function shout(payload) {
  return payload.toString().toUpperCase();
}

/** @param {Buffer} payload */
export function bad(payload) {
  throw new Error(`cannot do ${payload.toString()}`);
}
