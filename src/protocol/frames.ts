/** Writes and reads the frames behind a header, in the layout that payloads.ts describes. */
import { Malformed } from './bytes.ts';
import { cut, PACKED_BYTES, type PayloadBlock, type PayloadStore, PIECE_BYTES, SLOTS_PER_BLOCK, SMALL_BYTES } from './payloads.ts';

const EMPTY = Buffer.alloc(0);

/** Lays payloads out behind a header, in the order of `add`. */
export class FrameWriter {
  readonly #store: PayloadStore;
  /** The first is the header's. */
  readonly #frames: Uint8Array[] = [EMPTY];
  /** Lengths of the payloads in the packed frame being filled are known before its bytes: slots wait here. */
  #waiting: number[] = [];
  #packedAt = -1;
  #packedBytes = 0;

  constructor(store: PayloadStore) {
    this.#store = store;
  }

  /** Adds a payload, of which the length is known already. */
  add(slot: number, length: number): void {
    if (length <= SMALL_BYTES) {
      if (this.#packedAt < 0 || this.#packedBytes + length > PACKED_BYTES) this.#startPacked();
      this.#waiting.push(slot);
      this.#packedBytes += length;
      return;
    }
    for (const piece of resized(this.#store.pieces(slot))) this.#frames.push(piece);
  }

  #startPacked(): void {
    this.#seal();
    this.#packedAt = this.#frames.length;
    this.#frames.push(EMPTY);
  }

  #seal(): void {
    if (this.#packedAt < 0) return;
    const packed = Buffer.allocUnsafe(this.#packedBytes);
    let at = 0;
    for (const slot of this.#waiting) {
      at += this.#store.copy(slot, packed, at);
    }
    this.#frames[this.#packedAt] = packed;
    this.#waiting = [];
    this.#packedBytes = 0;
  }

  /** All frames, behind the header. */
  done(header: Uint8Array): Uint8Array[] {
    this.#seal();
    this.#frames[0] = header;
    return this.#frames;
  }
}

/** The pieces as the layout wants them: PIECE_BYTES each but for the last. They nearly always are. */
function resized(pieces: Uint8Array[]): Uint8Array[] {
  const regular = pieces.every((piece, i) => (i < pieces.length - 1 ? piece.length === PIECE_BYTES : piece.length <= PIECE_BYTES));
  return regular ? pieces : cut(Buffer.concat(pieces));
}

/** Finds payloads in the frames behind a header, from their lengths in order; every byte must be accounted for. */
export class FrameReader {
  readonly #block: PayloadBlock;
  #packed = -1;
  #packedBytes = 0;
  #next = 0;

  /** @param from the first of them; those before are none of ours */
  constructor(frames: readonly Uint8Array[], from = 0) {
    const mine = frames.slice(from);
    this.#block = { frames: mine, frame: [], offset: [], length: [], needed: mine.map(() => 0), live: 0 };
  }

  /** Takes the next payload; its index in the block is returned. */
  take(length: number): number {
    const block = this.#block;
    if (block.live >= SLOTS_PER_BLOCK) throw new Malformed('it holds too many payloads');
    if (length <= SMALL_BYTES) {
      if (this.#packed < 0 || this.#packedBytes + length > PACKED_BYTES) this.#startPacked();
      block.frame.push(this.#packed);
      block.offset.push(this.#packedBytes);
      this.#packedBytes += length;
      block.needed[this.#packed] = (block.needed[this.#packed] as number) + 1;
      if (this.#packedBytes > (block.frames[this.#packed] as Uint8Array).length) throw new Malformed('a payload is cut short');
    } else {
      block.frame.push(this.#next);
      block.offset.push(0);
      for (let left = length; left > 0; left -= PIECE_BYTES) {
        const frame = block.frames[this.#next];
        if (frame === undefined || frame.length !== Math.min(left, PIECE_BYTES)) throw new Malformed('a payload is cut short');
        block.needed[this.#next] = 1;
        this.#next += 1;
      }
    }
    block.length.push(length);
    block.live += 1;
    return block.live - 1;
  }

  #startPacked(): void {
    this.#endPacked();
    this.#packed = this.#next;
    this.#packedBytes = 0;
    if (this.#block.frames[this.#packed] === undefined) throw new Malformed('a payload is cut short');
    this.#next += 1;
  }

  #endPacked(): void {
    if (this.#packed >= 0 && this.#packedBytes !== (this.#block.frames[this.#packed] as Uint8Array).length) {
      throw new Malformed('a frame holds more than its payloads');
    }
  }

  done(): PayloadBlock {
    this.#endPacked();
    if (this.#next !== this.#block.frames.length) throw new Malformed('frames follow the last payload');
    return this.#block;
  }
}
