/**
 * A writer that grows and a reader that checks every bound. Nothing here allocates by a length that it was told:
 * the reader first looks whether so many bytes are there.
 */
import { idFrom, idOf } from './ids.ts';

/** Up to so many letters are looked at one by one: a call of the decoder costs more. */
const SHORT = 64;
const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Why bytes are not a message of ours. Thrown by readers, and turned into a `Rejected` value by the decoders of whole messages. */
export class Malformed extends Error {}

/** A list with room for so many, which are all set next: one that grows is copied again and again. Never by a length that was only told. */
export function ofLength(length: number): number[] {
  const values: number[] = [];
  values.length = length;
  return values;
}

/** Writes numbers, strings and bytes one behind the other. */
export class Writer {
  #buffer: Buffer;
  #at = 0;

  /** Small ones share a slab with others: to make a buffer of its own costs more than to fill it. */
  constructor(size = 256) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  #room(count: number): void {
    if (this.#at + count <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + count));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }

  u8(value: number): void {
    this.#room(1);
    this.#buffer[this.#at++] = value;
  }

  /** An integer from 0 to 2^53 - 1, seven bits a byte, lowest first. */
  int(value: number): void {
    this.#room(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80;
      rest = rest < 0x80000000 ? rest >>> 7 : Math.floor(rest / 128);
    }
    this.#buffer[this.#at++] = rest;
  }

  /** A column of integers: its length, then each. */
  ints(values: readonly number[]): void {
    this.int(values.length);
    this.#room(values.length);
    for (let i = 0; i < values.length; i += 1) {
      const value = values[i] as number;
      if (value <= 0x7f) this.#buffer[this.#at++] = value;
      else {
        this.int(value);
        this.#room(values.length - i);
      }
    }
  }

  /** A column of integers that may be long, such as keys. Apart from `ints`: V8 keeps a list of small integers as such while it is the only kind. */
  wide(values: readonly number[]): void {
    this.int(values.length);
    for (let i = 0; i < values.length; i += 1) this.int(values[i] as number);
  }

  bytes(value: Uint8Array): void {
    this.int(value.length);
    this.#room(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  string(value: string): void {
    if (this.#ascii(value)) return;
    const length = Buffer.byteLength(value);
    this.int(length);
    this.#room(length);
    this.#buffer.write(value, this.#at, length, 'utf8');
    this.#at += length;
  }

  /** Writes a short name of plain letters; returns false, and writes nothing, where it is none. */
  #ascii(value: string): boolean {
    const { length } = value;
    if (length > SHORT) return false;
    this.#room(length + 1);
    const start = this.#at;
    for (let i = 0; i < length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      this.#buffer[start + 1 + i] = code;
    }
    this.#buffer[start] = length;
    this.#at = start + 1 + length;
    return true;
  }

  strings(values: readonly string[]): void {
    this.int(values.length);
    for (const value of values) this.string(value);
  }

  /** A 64-bit number as 16 hexadecimal digits. */
  id(value: string): void {
    this.#room(8);
    const { high, low } = idOf(value);
    this.#buffer.writeUInt32BE(high, this.#at);
    this.#buffer.writeUInt32BE(low, this.#at + 4);
    this.#at += 8;
  }

  /** Makes room for so many bytes behind what was written, and says where they are: for who fills them at once. */
  reserve(count: number): { readonly buffer: Buffer; readonly at: number } {
    this.#room(count);
    const at = this.#at;
    this.#at += count;
    return { buffer: this.#buffer, at };
  }

  /** Writes a byte anew. */
  patch(at: number, value: number): void {
    this.#buffer[at] = value;
  }

  /** What was written. The writer must not be used after. */
  done(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }
}

/** Reads what a Writer wrote; throws Malformed at the first byte that cannot be. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param at where to begin */
  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    if (this.#at >= this.#bytes.length) throw new Malformed('it ends too early');
    return this.#bytes[this.#at++] as number;
  }

  /** Only the shortest form is taken, so that each message can be written in one way. */
  int(): number {
    const first = this.u8();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 128;
    for (let count = 1; count < 8; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte === 0) throw new Malformed('an integer is longer than it need be');
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) throw new Malformed('an integer is over 2^53');
        return value;
      }
      scale *= 128;
    }
    throw new Malformed('an integer is over 2^53');
  }

  /** A count of things that take at least `least` bytes each: more than are there cannot be. */
  count(least = 1): number {
    const value = this.int();
    if (value * least > this.left) throw new Malformed('a count is over what follows');
    return value;
  }

  ints(): number[] {
    const length = this.count();
    if (length === 1) return [this.int()];
    const values = ofLength(length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let i = 0; i < length; i += 1) {
      const first = bytes[at] as number;
      if (first < 0x80) {
        values[i] = first;
        at += 1;
        continue;
      }
      // Longer than a byte, or not there at all.
      this.#at = at;
      values[i] = this.int();
      at = this.#at;
    }
    this.#at = at;
    return values;
  }

  /** A column that must be as long as its neighbour. */
  column(length: number): number[] {
    const values = this.ints();
    if (values.length !== length) throw new Malformed('columns differ in length');
    return values;
  }

  /** See Writer. */
  wide(): number[] {
    const length = this.count();
    if (length === 1) return [this.int()];
    const values = ofLength(length);
    for (let i = 0; i < length; i += 1) values[i] = this.int();
    return values;
  }

  wideColumn(length: number): number[] {
    const values = this.wide();
    if (values.length !== length) throw new Malformed('columns differ in length');
    return values;
  }

  bytes(): Buffer {
    const length = this.count();
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  string(): string {
    const length = this.count();
    const start = this.#at;
    this.#at += length;
    if (length <= SHORT && this.#isAscii(start, length)) return this.#bytes.toString('latin1', start, this.#at);
    try {
      return text.decode(this.#bytes.subarray(start, this.#at));
    } catch (error) {
      throw new Malformed('a name is not UTF-8', { cause: error });
    }
  }

  #isAscii(start: number, length: number): boolean {
    for (let i = start; i < start + length; i += 1) if ((this.#bytes[i] as number) > 0x7f) return false;
    return true;
  }

  strings(): string[] {
    const length = this.count();
    const values: string[] = [];
    for (let i = 0; i < length; i += 1) values.push(this.string());
    return values;
  }

  id(): string {
    if (this.left < 8) throw new Malformed('it ends too early');
    const value = idFrom(this.#bytes.readUInt32BE(this.#at), this.#bytes.readUInt32BE(this.#at + 4));
    this.#at += 8;
    return value;
  }

  /** A flag byte that must be one of those below `limit`. */
  choice(limit: number, what: string): number {
    const value = this.u8();
    if (value >= limit) throw new Malformed(`${what} ${value} is unknown`);
    return value;
  }

  end(): void {
    if (this.left > 0) throw new Malformed(`${this.left} bytes follow its end`);
  }
}
