/** Writes and reads the frames behind a header, in the layout that payloads.ts describes. */
import { Malformed, type Writer } from './bytes.ts';
import {
  cut,
  INLINE_BYTES,
  type Join,
  PACKED_BYTES,
  type PayloadBlock,
  type PayloadStore,
  PIECE_BYTES,
  SLOTS_PER_BLOCK,
  SMALL_BYTES,
  placeOf,
} from './payloads.ts';

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
    this.#pack(packed, 0);
    this.#frames[this.#packedAt] = packed;
    this.#waiting = [];
    this.#packedBytes = 0;
  }

  #pack(target: Buffer, from: number): void {
    this.#store.copy(this.#waiting, target, from);
  }

  /**
   * All frames, the header first. Where all payloads are so few that they fit behind it, they stand in its frame, and it is told so:
   * `inlined` is called before its last bytes are written.
   */
  done(header: Writer, inlined: () => void): Uint8Array[] {
    if (this.#frames.length === 2 && this.#packedAt === 1 && this.#packedBytes <= INLINE_BYTES) {
      const { buffer, at } = header.reserve(this.#packedBytes);
      this.#pack(buffer, at);
      header.u8(this.#packedBytes & 0xff);
      header.u8(this.#packedBytes >> 8);
      inlined();
      return [header.done()];
    }
    this.#seal();
    this.#frames[0] = header.done();
    return this.#frames;
  }
}

/** The pieces as the layout wants them: PIECE_BYTES each but for the last. They nearly always are. */
function resized(pieces: Uint8Array[]): Uint8Array[] {
  const regular = pieces.every((piece, i) => (i < pieces.length - 1 ? piece.length === PIECE_BYTES : piece.length <= PIECE_BYTES));
  return regular ? pieces : cut(Buffer.concat(pieces));
}

/**
 * A header's frame in which the payloads stand as well: the header alone, and the frame of payloads that it stands for.
 * (A length of two bytes is the last of it.)
 */
export function parted(frame: Uint8Array): [header: Uint8Array, packed: Uint8Array] {
  const end = frame.length - 2;
  const length = (frame[end] ?? 0) | ((frame[end + 1] ?? 0) << 8);
  if (length > INLINE_BYTES || length > end) throw new Malformed('a payload is cut short');
  return [frame.subarray(0, end - length), frame.subarray(end - length, end)];
}

const MANY = 16;

/** Finds payloads in the frames behind a header, from their lengths in order; every byte must be accounted for. */
export class FrameReader {
  readonly #block: PayloadBlock;
  readonly #join: Join | undefined;
  #packed = -1;
  #packedBytes = 0;
  #next = 0;

  /** @param from the first of them; those before are none of ours. @param join for payloads of several pieces */
  constructor(frames: readonly Uint8Array[], from = 0, join?: Join) {
    this.#join = join;
    const mine = frames.slice(from);
    this.#block = { frames: mine, at: [], length: [], needed: mine.map(() => 0), live: 0 };
  }

  /** So many payloads follow, each of which is taken next: many are worth room of their own size. */
  expect(count: number): void {
    const { at, length, live } = this.#block;
    const all = live + count;
    if (count < MANY || all > SLOTS_PER_BLOCK) return;
    at.length = all;
    length.length = all;
  }

  /** Takes the next payload; its index in the block is returned. */
  take(length: number): number {
    const block = this.#block;
    if (block.live >= SLOTS_PER_BLOCK) throw new Malformed('it holds too many payloads');
    if (length <= SMALL_BYTES) {
      if (this.#packed < 0 || this.#packedBytes + length > PACKED_BYTES) this.#startPacked();
      block.at[block.live] = placeOf(this.#packed, this.#packedBytes);
      this.#packedBytes += length;
      block.needed[this.#packed] = (block.needed[this.#packed] as number) + 1;
      if (this.#packedBytes > (block.frames[this.#packed] as Uint8Array).length) throw new Malformed('a payload is cut short');
    } else {
      block.at[block.live] = placeOf(this.#next, 0);
      for (let left = length; left > 0; left -= PIECE_BYTES) {
        const frame = block.frames[this.#next];
        if (frame === undefined || frame.length !== Math.min(left, PIECE_BYTES)) throw new Malformed('a payload is cut short');
        block.needed[this.#next] = 1;
        this.#next += 1;
      }
      if (length > PIECE_BYTES) this.#joinPieces(Math.ceil(length / PIECE_BYTES));
    }
    block.length[block.live] = length;
    block.live += 1;
    return block.live - 1;
  }

  /** The last pieces lie in one memory from now on. */
  #joinPieces(count: number): void {
    if (this.#join === undefined) return;
    const { frames } = this.#block;
    const first = this.#next - count;
    const joined = cut(this.#join(frames.slice(first, this.#next) as Uint8Array[]));
    for (let i = 0; i < count; i += 1) frames[first + i] = joined[i];
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
