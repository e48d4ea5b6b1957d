/**
 * Puts payloads into the store as users give them. Small ones are copied, one behind the other, so that whoever gave them may use the bytes
 * again; large ones are given away.
 */
import { FEW_BYTES, PIECE_BYTES, type PayloadBlock, type PayloadStore, placeOf, SMALL_BYTES } from './payloads.ts';

const FIRST_CHUNK = 4_096;
const LAST_CHUNK = 65_536;

function emptyBlock(): PayloadBlock {
  return { frames: [], at: [], length: [], needed: [], live: 0 };
}

/** What a packer holds before anything is added. Never written to, nor given to a store. */
const NOTHING = emptyBlock();

export function payloadLength(payload: Uint8Array | string): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength;
}

export class Packer {
  #chunk = Buffer.alloc(0);
  #at = 0;
  #frame = -1;
  #frameAt = 0;
  #block = NOTHING;

  get count(): number {
    return this.#block.live;
  }

  /** Adds a payload of so many bytes. */
  add(payload: Uint8Array | string, length: number): void {
    if (length > SMALL_BYTES) return this.#addLarge(payload, length);
    if (this.#at + length > this.#chunk.length) this.#nextChunk(length);
    if (this.#block === NOTHING) this.#begin(length);
    else this.#enter(length);
    if (typeof payload === 'string') this.#chunk.write(payload, this.#at);
    else if (length > FEW_BYTES) this.#chunk.set(payload, this.#at);
    else for (let i = 0; i < length; i += 1) this.#chunk[this.#at + i] = payload[i] as number;
    this.#at += length;
  }

  /** Puts what was added into the store; slots in the order of adding. */
  take(store: PayloadStore): { slots: number[]; lengths: number[] } {
    this.#seal();
    const block = this.#block;
    this.#block = NOTHING;
    const lengths = block.length.slice();
    const base = store.add(block);
    return { slots: lengths.map((_, i) => base + i), lengths };
  }

  /** Mostly the first small payload remains the only one. A list that is made with it is a third as long as one that grows from nothing. */
  #begin(length: number): void {
    this.#block = { frames: [undefined], at: [placeOf(0, 0)], length: [length], needed: [1], live: 1 };
    this.#frame = 0;
    this.#frameAt = this.#at;
  }

  #enter(length: number): void {
    const block = this.#block;
    if (this.#frame < 0) {
      this.#frame = block.frames.push(undefined) - 1;
      block.needed.push(0);
      this.#frameAt = this.#at;
    }
    block.at.push(placeOf(this.#frame, this.#at - this.#frameAt));
    block.length.push(length);
    block.needed[this.#frame] = (block.needed[this.#frame] as number) + 1;
    block.live += 1;
  }

  #addLarge(payload: Uint8Array | string, length: number): void {
    if (this.#block === NOTHING) this.#block = emptyBlock();
    const block = this.#block;
    block.at.push(placeOf(block.frames.length, 0));
    block.length.push(length);
    block.live += 1;
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
    for (let at = 0; at < length; at += PIECE_BYTES) {
      block.frames.push(bytes.subarray(at, at + PIECE_BYTES));
      block.needed.push(1);
    }
    this.#seal();
  }

  #seal(): void {
    if (this.#frame >= 0) this.#block.frames[this.#frame] = this.#chunk.subarray(this.#frameAt, this.#at);
    this.#frame = -1;
  }

  #nextChunk(length: number): void {
    this.#seal();
    const size = Math.min(LAST_CHUNK, Math.max(FIRST_CHUNK, this.#chunk.length * 2));
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(size, length));
    this.#at = 0;
  }
}
