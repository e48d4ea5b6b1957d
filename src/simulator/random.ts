/** Randomness from a seed: sfc32 (Chris Doty-Humphrey, PractRand). The same seed gives the same numbers everywhere. */

/** A 32-bit number from a text (FNV-1a). */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param purpose numbers for different purposes do not depend on each other */
  constructor(seed: number, purpose: string) {
    this.#a = seed >>> 0;
    this.#b = Math.floor(seed / 2 ** 32) >>> 0;
    this.#c = hash(purpose);
    for (let i = 0; i < 12; i += 1) this.#draw();
  }

  #draw(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** From 0 to 1, without 1. */
  next(): number {
    return this.#draw() / 2 ** 32;
  }

  /** A whole number from 0 to `below`, without it. */
  int(below: number): number {
    return Math.floor(this.next() * below);
  }

  between(from: number, to: number): number {
    return from + this.next() * (to - from);
  }

  /** A whole number, both ends included. */
  whole(from: number, to: number): number {
    return from + this.int(to - from + 1);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('random: nothing to pick from');
    return list[this.int(list.length)] as T;
  }

  /** 16 hexadecimal digits. */
  id(): string {
    return hex(this.#draw()) + hex(this.#draw());
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}
