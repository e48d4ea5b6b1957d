/**
 * Bytes that users give. What a class of their own says of its length, or gives as a part of it, is their code, and may be anything: all
 * that is asked of such an array is where its memory is. Pure: nothing here throws.
 */
const TYPED_ARRAY = Object.getPrototypeOf(Uint8Array.prototype) as object;

function getter(name: string | symbol): (of: unknown) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(TYPED_ARRAY, name) as { get: () => unknown };
  return (of) => get.call(of as never);
}

/** The name of an array's kind, whatever its class; undefined of all else, Proxies too. */
const kindOf = getter(Symbol.toStringTag);
const memoryOf = getter('buffer');
const offsetOf = getter('byteOffset');
const lengthOf = getter('byteLength');

/** A Uint8Array of this realm, that says of itself what is so, or undefined. One of a class of the user's is looked at as a Buffer. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  try {
    if (kindOf(value) !== 'Uint8Array' || !(value instanceof Uint8Array)) return undefined;
    if (Object.hasOwn(value, 'length') || Object.hasOwn(value, 'byteLength')) return undefined;
    const prototype: unknown = Object.getPrototypeOf(value);
    return prototype === Buffer.prototype || prototype === Uint8Array.prototype ? value : viewOf(value);
  } catch {
    return undefined;
  }
}

/** The same memory as an array of its own, which stays as it is when the user's is transferred. @param bytes of {@link bytesOf} */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(memoryOf(bytes) as ArrayBuffer, offsetOf(bytes) as number, lengthOf(bytes) as number);
}
