/**
 * A reader that checks every bound. It never allocates by a length that it was told: it first looks whether so many bytes are there.
 */
import { idFrom } from './ids.ts';
import { nameIn } from './names.ts';

const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Why bytes are not a message of ours. Thrown by readers, and turned into a `Rejected` value by the decoders of whole messages. */
export class Malformed extends Error {}

/** A list with room for so many, which are all set next: one that grows is copied again and again. Never by a length that was only told. */
export function ofLength(length: number): number[] {
  const values: number[] = [];
  // To set it to 0 is a call of V8's runtime, in vain.
  if (length > 0) values.length = length;
  return values;
}

/** Reads what a Writer wrote; throws Malformed at the first byte that cannot be. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  readonly #end: number;

  /** @param at where to begin @param end where it ends, if what follows is none of ours */
  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    if (this.#at >= this.#end) throw new Malformed('it ends too early');
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
    const end = this.#end;
    let at = this.#at;
    for (let i = 0; i < length; i += 1) {
      const first = bytes[at] as number;
      if (first < 0x80 && at < end) {
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
    const name = nameIn(this.#bytes, start, length);
    if (name !== undefined) return name;
    try {
      return text.decode(this.#bytes.subarray(start, this.#at));
    } catch (error) {
      throw new Malformed('a name is not UTF-8', { cause: error });
    }
  }

  strings(): string[] {
    const length = this.count();
    if (length === 1) return [this.string()];
    const values: string[] = [];
    for (let i = 0; i < length; i += 1) values.push(this.string());
    return values;
  }

  id(): string {
    if (this.left < 8) throw new Malformed('it ends too early');
    const value = idFrom(this.#word(this.#at), this.#word(this.#at + 4));
    this.#at += 8;
    return value;
  }

  #word(at: number): number {
    const bytes = this.#bytes;
    return ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number);
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
