/**
 * Memory for large payloads on their way through a process, used again and again. A payload goes out from where it was put, uncopied; its
 * memory is free when nobody needs it any more, which is known without a garbage collection: the payload was let go, and each message
 * that held it was sent once and has arrived.
 *
 * Where that is not known, memory is pinned: it is never used again, and ends as any other garbage. Pinned is what users see, what is
 * sent twice, and what nobody acknowledges. Where most of it ends so, no more is given for a while.
 *
 * A peer is believed when it acknowledges. One that says so of what it has not read may read another payload in its place; so it could, too,
 * as a worker for the same function: whoever may connect is trusted with payloads.
 */
import { type FrameOwner, PIECE_BYTES, SMALL_BYTES } from './payloads.ts';

/** Frames over this are worth it. Packed frames are not: their payloads are copied anyway. */
const LEAST_BYTES = SMALL_BYTES;
/** Slabs are twice that, and so on, up to a whole piece. */
const SIZES = Math.log2(PIECE_BYTES / LEAST_BYTES);
/** So much free memory is kept. */
const SPARE_BYTES = 64 * PIECE_BYTES;
/** After so many slabs that were pinned, less those that were used again, so many frames stay as they came. */
const MOST_IN_VAIN = 64;
const DECLINED = 1_024;

interface Slab {
  readonly memory: ArrayBuffer;
  readonly size: number;
  /** Messages that hold it and are not known to have arrived. */
  away: number;
  needed: boolean;
  pinned: boolean;
}

export class Slabs implements FrameOwner {
  readonly #free: Slab[][] = Array.from({ length: SIZES }, () => []);
  readonly #known = new WeakMap<ArrayBufferLike, Slab>();
  #spare = 0;
  #vain = 0;
  #declined = 0;

  /** The bytes of memory that is free. */
  get spare(): number {
    return this.#spare;
  }

  /** Room for a frame of so many bytes, which is needed from now on; undefined for one that is too small, or longer than a piece. */
  room(bytes: number): Buffer | undefined {
    if (bytes <= LEAST_BYTES || bytes > PIECE_BYTES || this.#declines()) return undefined;
    const size = Math.ceil(Math.log2(bytes / LEAST_BYTES)) - 1;
    const slab = this.#reused(size) ?? this.#made(size);
    slab.needed = true;
    return Buffer.from(slab.memory, 0, bytes);
  }

  #declines(): boolean {
    if (this.#vain < MOST_IN_VAIN) return false;
    this.#declined = (this.#declined + 1) % DECLINED;
    if (this.#declined === 0) this.#vain = MOST_IN_VAIN / 2;
    return true;
  }

  #reused(size: number): Slab | undefined {
    const slab = this.#free[size]?.pop();
    if (slab === undefined) return undefined;
    this.#spare -= slab.memory.byteLength;
    this.#vain = Math.max(0, this.#vain - 1);
    return slab;
  }

  #made(size: number): Slab {
    const memory = new ArrayBuffer(LEAST_BYTES * 2 ** (size + 1));
    const slab: Slab = { memory, size, away: 0, needed: false, pinned: false };
    this.#known.set(memory, slab);
    return slab;
  }

  /** A message with these frames is sent, and will be acknowledged. */
  sent(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const slab = this.#slabOf(frame);
      if (slab !== undefined) slab.away += 1;
    }
  }

  /** A message that was sent has been acknowledged. */
  arrived(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const slab = this.#slabOf(frame);
      if (slab === undefined) continue;
      slab.away -= 1;
      this.#look(slab);
    }
  }

  unneeded(frame: Uint8Array): void {
    const slab = this.#slabOf(frame);
    if (slab === undefined || !slab.needed) return;
    slab.needed = false;
    this.#look(slab);
  }

  pin(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      const slab = this.#slabOf(frame);
      if (slab === undefined || slab.pinned) continue;
      slab.pinned = true;
      this.#vain += 1;
    }
  }

  #slabOf(frame: Uint8Array): Slab | undefined {
    return frame.length > LEAST_BYTES ? this.#known.get(frame.buffer) : undefined;
  }

  #look(slab: Slab): void {
    if (slab.needed || slab.pinned || slab.away > 0) return;
    this.#spare += slab.memory.byteLength;
    this.#free[slab.size]?.push(slab);
    while (this.#spare > SPARE_BYTES) this.#dropOne();
  }

  /** Of the size of which there is most, so that each has some. */
  #dropOne(): void {
    let fullest: Slab[] = [];
    const bytesOf = (list: readonly Slab[]): number => list.length * (list[0]?.memory.byteLength ?? 0);
    for (const list of this.#free) if (bytesOf(list) > bytesOf(fullest)) fullest = list;
    const { memory } = fullest.shift() as Slab;
    this.#spare -= memory.byteLength;
    this.#known.delete(memory);
  }
}
