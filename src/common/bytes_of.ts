/**
 * Bytes that users give. What a class of their own says of its length, or gives as a part of it, is their code, and may be anything: all
 * that is asked of such an array is where its memory is. Pure.
 */
const BUFFER: unknown = Buffer.prototype;
const ARRAY: unknown = Uint8Array.prototype;
const TYPED_ARRAY = Object.getPrototypeOf(ARRAY) as object;

function getter(name: string | symbol): (of: unknown) => unknown {
  const { get } = Object.getOwnPropertyDescriptor(TYPED_ARRAY, name) as { get: () => unknown };
  return (of) => get.call(of as never);
}

/** The name of an array's kind, whatever its class; undefined of all else, Proxies too. */
const kindOf = getter(Symbol.toStringTag);
const memoryOf = getter('buffer');
const offsetOf = getter('byteOffset');
const lengthOf = getter('byteLength');

/**
 * A Uint8Array of this realm, that says of itself what is so and has its memory, or undefined. One of a class of the user's is looked at as
 * a Buffer. Does not throw.
 */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  try {
    const prototype: unknown = Object.getPrototypeOf(value);
    // Of nearly all that is asked of: the dearer question only of others.
    const isPlain = prototype === BUFFER || prototype === ARRAY;
    if (kindOf(value) !== 'Uint8Array' || !(isPlain || value instanceof Uint8Array)) return undefined;
    const bytes = value as Uint8Array;
    if (saysOfItself(bytes)) return undefined;
    // Of memory that was transferred elsewhere there is no view.
    return isPlain && bytes.length > 0 ? bytes : viewOf(bytes);
  } catch {
    return undefined;
  }
}

/** Whether it has a part of its own that would be asked for: that would be somebody's code, and might say what is not so. */
export function saysOfItself(bytes: Uint8Array): boolean {
  return (
    Object.hasOwn(bytes, 'length') ||
    Object.hasOwn(bytes, 'byteLength') ||
    Object.hasOwn(bytes, 'byteOffset') ||
    Object.hasOwn(bytes, 'buffer') ||
    Object.hasOwn(bytes, 'subarray') ||
    Object.hasOwn(bytes, 'constructor')
  );
}

/** The same memory, as a Buffer. @param bytes of {@link bytesOf} */
export function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(memoryOf(bytes) as ArrayBuffer, offsetOf(bytes) as number, lengthOf(bytes) as number);
}
