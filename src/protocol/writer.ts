/** A writer that grows. */
import { idOf } from './ids.ts';

/** Up to so many letters are looked at one by one: a call of the encoder costs more. */
const SHORT = 64;
/** So few bytes are copied one by one: a call costs more. */
const FEW = 256;

/** A sheet is as long as the longest header was for which it did. One that became longer than this is not kept. */
const MOST_SHEET_BYTES = 262_144;

/** Where the next writer writes, unless another one does. A header is copied from there when it is done: only then is its length known. */
let sheet: Buffer | undefined = Buffer.allocUnsafeSlow(1_024);

/** Writes numbers, strings and bytes one behind the other. */
export class Writer {
  #buffer: Buffer;
  #at = 0;

  constructor() {
    this.#buffer = sheet ?? Buffer.allocUnsafeSlow(1_024);
    sheet = undefined;
  }

  #room(count: number): void {
    if (this.#at + count <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#at + count));
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
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
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
    const buffer = this.#buffer;
    const at = this.#at;
    buffer[at] = high >>> 24;
    buffer[at + 1] = high >>> 16;
    buffer[at + 2] = high >>> 8;
    buffer[at + 3] = high;
    buffer[at + 4] = low >>> 24;
    buffer[at + 5] = low >>> 16;
    buffer[at + 6] = low >>> 8;
    buffer[at + 7] = low;
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
    const length = this.#at;
    const written = Buffer.allocUnsafe(length);
    if (length <= FEW) for (let i = 0; i < length; i += 1) written[i] = this.#buffer[i] as number;
    else this.#buffer.copy(written, 0, 0, length);
    if (this.#buffer.length <= MOST_SHEET_BYTES) sheet = this.#buffer;
    return written;
  }
}
