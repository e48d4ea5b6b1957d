/**
 * Optional fields of a stream or a job: a name and a value that only who understands the name opens.
 * Unknown fields are kept and passed on as they came, so an old master serves newer clients and workers.
 *
 *     fields := count { name:string value:bytes }      value := MessagePack
 *
 * Names in use: codec, resources, unsatisfiable, deadline, priority, retries, timeout, traceparent, gristmill.origin.
 */
// Without what the package adds for Node (streams, a native decoder): that takes as long to load as all the rest.
import { Packr } from 'msgpackr/pack';
import { Unpackr } from 'msgpackr/unpack';
import { Malformed, type Reader } from './bytes.ts';
import { MAX_FIELDS_BYTES } from './limits.ts';
import type { Writer } from './writer.ts';

/** Names with packed values, in the order of sending. */
export type Fields = readonly (readonly [name: string, value: Uint8Array])[];

export const NO_FIELDS: Fields = [];

const packr = new Packr({ useRecords: false, moreTypes: false });
const unpackr = new Unpackr({ useRecords: false, moreTypes: false, mapsAsObjects: true });
/** Levels of lists and objects in a value. */
export const MAX_DEPTH = 32;
/** What a field counts besides its bytes: who keeps it makes an object of it. */
const FIELD_BYTES = 64;

export function writeFields(writer: Writer, fields: Fields): void {
  writer.int(fields.length);
  for (const [name, value] of fields) {
    writer.string(name);
    writer.bytes(value);
  }
}

/** What fields count for credit and in a header. */
export function fieldsBytes(fields: Fields): number {
  if (fields.length === 0) return 0;
  let bytes = 0;
  for (const [name, value] of fields) bytes += FIELD_BYTES + Buffer.byteLength(name) + value.length;
  return bytes;
}

/** @throws RangeError that names what has too many */
export function checkFields(what: string, fields: Fields, most: number = MAX_FIELDS_BYTES): Fields {
  const bytes = fieldsBytes(fields);
  if (bytes > most)
    throw new RangeError(
      `${what}: expected at most ${most} bytes in all (names, packed values, and ${FIELD_BYTES} for each), got ${bytes}`,
    );
  return fields;
}

export function readFields(reader: Reader): Fields {
  const length = reader.count(2);
  if (length === 0) return NO_FIELDS;
  const fields: [string, Uint8Array][] = [];
  for (let i = 0; i < length; i += 1) fields.push([reader.string(), Buffer.from(reader.bytes())]);
  return fields;
}

/**
 * Packs plain data: numbers, strings, booleans, null, bytes, arrays and objects of these.
 */
export function packValue(value: unknown): Uint8Array {
  return Buffer.from(packr.pack(value));
}

/** Opens a packed value; throws Malformed when it is none. */
export function unpackValue(bytes: Uint8Array): unknown {
  const end = skipValue(bytes, 0, 0);
  if (end !== bytes.length) throw new Malformed('a packed value has trailing bytes');
  try {
    return unpackr.unpack(bytes);
  } catch (error) {
    throw new Malformed(`a packed value cannot be read: ${String(error)}`);
  }
}

/** Fields from plain data; undefined values are left out. */
export function toFields(data: Readonly<Record<string, unknown>>): Fields {
  const fields: [string, Uint8Array][] = [];
  for (const [name, value] of Object.entries(data)) if (value !== undefined) fields.push([name, packValue(value)]);
  return fields;
}

/** A field's value, or undefined where there is none or it cannot be read. */
export function fieldValue(fields: Fields, name: string): unknown {
  const found = fields.find(([known]) => known === name);
  if (found === undefined) return undefined;
  try {
    return unpackValue(found[1]);
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** `over` wins over `under`, name by name. */
export function mergeFields(under: Fields, over: Fields): Fields {
  if (over.length === 0) return under;
  if (under.length === 0) return over;
  const names = new Set(over.map(([name]) => name));
  return [...under.filter(([name]) => !names.has(name)), ...over];
}

/**
 * Where the MessagePack value at `at` ends. Walks the bytes without building anything, since the library would make room for an
 * array of as many items as its header claims. (Format: github.com/msgpack/msgpack/blob/master/spec.md)
 */
function skipValue(bytes: Uint8Array, at: number, depth: number): number {
  if (depth > MAX_DEPTH) throw new Malformed('a packed value is nested too deeply');
  const type = bytes[at];
  if (type === undefined) throw new Malformed('a packed value ends too early');
  if (type < 0x80 || type >= 0xe0 || type === 0xc0 || type === 0xc2 || type === 0xc3) return at + 1;
  if (type < 0x90) return skipItems(bytes, at + 1, (type & 0x0f) * 2, depth);
  if (type < 0xa0) return skipItems(bytes, at + 1, type & 0x0f, depth);
  if (type < 0xc0) return bounded(bytes, at + 1 + (type & 0x1f));
  const fixed = FIXED[type];
  if (fixed !== undefined) return bounded(bytes, at + 1 + fixed);
  const sized = SIZED[type];
  if (sized === undefined) throw new Malformed(`a packed value has type ${type}`);
  const [width, kind] = sized;
  bounded(bytes, at + 1 + width);
  let length = 0;
  for (let i = 0; i < width; i += 1) length = length * 256 + (bytes[at + 1 + i] as number);
  if (kind === 'bytes') return bounded(bytes, at + 1 + width + length);
  return skipItems(bytes, at + 1 + width, kind === 'map' ? length * 2 : length, depth);
}

function skipItems(bytes: Uint8Array, at: number, count: number, depth: number): number {
  if (count > bytes.length - at) throw new Malformed('a packed value claims more items than follow');
  let end = at;
  for (let i = 0; i < count; i += 1) end = skipValue(bytes, end, depth + 1);
  return end;
}

function bounded(bytes: Uint8Array, end: number): number {
  if (end > bytes.length) throw new Malformed('a packed value ends too early');
  return end;
}

/** Bytes behind the type byte, for types of fixed size. */
const FIXED: Readonly<Record<number, number>> = {
  0xca: 4,
  0xcb: 8,
  0xcc: 1,
  0xcd: 2,
  0xce: 4,
  0xcf: 8,
  0xd0: 1,
  0xd1: 2,
  0xd2: 4,
  0xd3: 8,
};

/** Width of the length, and what it counts. Extension types are not taken. */
const SIZED: Readonly<Record<number, readonly [number, 'bytes' | 'list' | 'map']>> = {
  0xc4: [1, 'bytes'],
  0xc5: [2, 'bytes'],
  0xc6: [4, 'bytes'],
  0xd9: [1, 'bytes'],
  0xda: [2, 'bytes'],
  0xdb: [4, 'bytes'],
  0xdc: [2, 'list'],
  0xdd: [4, 'list'],
  0xde: [2, 'map'],
  0xdf: [4, 'map'],
};
